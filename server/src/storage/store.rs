//! The way to ClickHouse: where it is, how its errors read, inserts under a token and statements.

use clickhouse::Client;
use clickhouse::error::Error;
use thiserror::Error as ThisError;

use super::columns::TableBlock;

use crate::limits::INSERT_TIMEOUT;

/// Where a ClickHouse is reached. The rest of the code knows no more than this, embedded or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Without user, password and path.
    pub url: String,
    pub user: String,
    pub password: String,
    pub database: String,
}

#[derive(Debug, ThisError)]
pub enum StoreError {
    #[error("the storage engine cannot be reached")]
    Unavailable(#[source] Error),
    #[error("the query needs more than it may use")]
    LimitExceeded(#[source] Error),
    #[error("the storage engine cannot read a regular expression")]
    Pattern(#[source] Error),
    #[error("the storage engine refused the statement")]
    Refused(#[source] Error),
}

impl StoreError {
    /// Names it where its text would say too much.
    pub fn name(&self) -> &'static str {
        match self {
            StoreError::Unavailable(_) => "unavailable",
            StoreError::LimitExceeded(_) => "limit exceeded",
            StoreError::Pattern(_) => "pattern",
            StoreError::Refused(_) => "refused",
        }
    }
}

#[derive(Clone)]
pub struct Store {
    client: Client,
    database: String,
}

impl Address {
    /// Reads `http(s)://user:password@host:port/database`.
    pub fn parse(text: &str) -> Result<Address, String> {
        let url: http::Uri = text.parse().map_err(|e| format!("'{text}' is not a URL: {e}"))?;
        let scheme = url.scheme_str().unwrap_or_default();
        if scheme != "http" && scheme != "https" {
            return Err(format!("a ClickHouse URL starts with http:// or https://, not '{text}'"));
        }
        let authority = url.authority().map_or("", |a| a.as_str());
        let (credentials, host) = authority.rsplit_once('@').unwrap_or(("default:", authority));
        let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        let host = if host.contains(':') { host.to_owned() } else { format!("{host}:8123") };
        let database = match url.path().trim_matches('/') {
            "" => "skein",
            name => name,
        };
        if !database.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(format!("'{database}' cannot be a database's name here: use letters, digits and _"));
        }
        Ok(Address {
            url: format!("{scheme}://{host}"),
            user: percent_decoded(user),
            password: percent_decoded(password),
            database: database.to_owned(),
        })
    }
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl Store {
    pub fn new(address: &Address) -> Store {
        let client = Client::default()
            .with_url(&address.url)
            .with_user(&address.user)
            .with_password(&address.password)
            .with_product_info("skein", env!("CARGO_PKG_VERSION"));
        Store { client, database: address.database.clone() }
    }

    /// The same, whose statements the engine's own log names so.
    pub fn on_behalf_of(&self, whom: &str) -> Store {
        Store { client: self.client.clone().with_setting("log_comment", whom), ..self.clone() }
    }

    pub fn client(&self) -> Client {
        self.client.clone().with_database(&self.database)
    }

    pub fn database(&self) -> &str {
        &self.database
    }

    pub async fn ping(&self) -> Result<(), StoreError> {
        self.client.query("SELECT 1").execute().await.map_err(StoreError::from)
    }

    /// Runs a statement outside our database, which may not exist yet.
    pub async fn execute_bare(&self, sql: &str) -> Result<(), StoreError> {
        self.client.query_raw(sql).execute().await.map_err(StoreError::from)
    }

    pub async fn execute(&self, sql: &str) -> Result<(), StoreError> {
        self.client().query_raw(sql).execute().await.map_err(StoreError::from)
    }

    /// Stores a block once, however often it is sent under the same token.
    pub async fn insert(&self, block: &TableBlock, token: &str) -> Result<(), StoreError> {
        let columns = block.columns.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", ");
        let sql = format!("INSERT INTO {} ({columns}) FORMAT Native", block.table);
        let mut insert = self
            .client()
            .insert_formatted_with(sql)
            .with_setting("insert_deduplicate", "1")
            .with_setting("insert_deduplication_token", token)
            .with_setting("async_insert", "0")
            .with_timeouts(Some(INSERT_TIMEOUT), Some(INSERT_TIMEOUT));
        for chunk in &block.body {
            insert.send(chunk.clone()).await?;
        }
        insert.end().await?;
        Ok(())
    }
}

const CANNOT_COMPILE_REGEXP: u32 = 427;

/// Engine error codes that mean "within your limits this cannot be answered".
const LIMIT_CODES: [u32; 5] = [
    158, // TOO_MANY_ROWS
    159, // TIMEOUT_EXCEEDED
    160, // TOO_SLOW
    241, // MEMORY_LIMIT_EXCEEDED
    307, // TOO_MANY_BYTES
];

impl From<Error> for StoreError {
    fn from(error: Error) -> StoreError {
        match &error {
            Error::Network(_) | Error::TimedOut => StoreError::Unavailable(error),
            Error::BadResponse(text) => match engine_code(text) {
                Some(CANNOT_COMPILE_REGEXP) => StoreError::Pattern(error),
                Some(code) if LIMIT_CODES.contains(&code) => StoreError::LimitExceeded(error),
                _ => StoreError::Refused(error),
            },
            _ => StoreError::Refused(error),
        }
    }
}

/// The number in `Code: 241. DB::Exception: …`.
fn engine_code(text: &str) -> Option<u32> {
    let digits = text.split("Code: ").nth(1)?.split('.').next()?;
    digits.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_whole() {
        let address = Address::parse("https://me:p%40ss@ch.internal/traces").unwrap();
        assert_eq!(address.url, "https://ch.internal:8123");
        assert_eq!((address.user.as_str(), address.password.as_str()), ("me", "p@ss"));
        assert_eq!(address.database, "traces");
        assert_eq!(Address::parse("http://h:1").unwrap().database, "skein");
    }

    #[test]
    fn addresses_that_cannot_be_are_refused_in_words() {
        assert!(Address::parse("ftp://x").unwrap_err().contains("http://"));
        assert!(Address::parse("http://h/a;b").unwrap_err().contains("a;b"));
    }

    #[test]
    fn engine_codes_are_found_in_messages() {
        assert_eq!(engine_code("Code: 241. DB::Exception: Memory limit"), Some(241));
        assert_eq!(engine_code("something else"), None);
    }
}
