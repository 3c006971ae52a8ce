//! Who may see what: the only code that reads the metadata, and the only maker of a [`Scope`].

use std::path::Path;

use model::{Scope, TenantId};
use sqlx::AnyPool;
use sqlx::any::{AnyPoolOptions, install_default_drivers};
use thiserror::Error;

use crate::limits::META_CONNECTIONS_MAX;

mod audit;
mod keys;

pub use audit::Begun;
pub use keys::{Key, KeyLine, Keys, PREFIX as KEY_PREFIX};

#[derive(Debug, Error)]
pub enum AccessError {
    #[error("the metadata database cannot be opened")]
    Open(#[source] sqlx::Error),
    #[error("the metadata database cannot be brought up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    #[error("the metadata database cannot be read")]
    Read(#[source] sqlx::Error),
    #[error("the metadata database cannot be written")]
    Write(#[source] sqlx::Error),
    #[error("there is no tenant '{0}'")]
    UnknownTenant(String),
    #[error("the tenant '{0}' is reserved for what Skein says of itself")]
    ReservedTenant(String),
    #[error("there is no valid key '{0}'")]
    UnknownKey(String),
    #[error("there are {0} valid keys, which is the most there may be; revoke some")]
    TooManyKeys(i64),
}

#[derive(Clone)]
pub struct Access {
    pool: AnyPool,
}

/// SQLite in the data folder, unless a Postgres is named.
pub fn meta_url(named: Option<&str>, data_dir: &Path) -> String {
    match named {
        Some(url) => url.to_owned(),
        None => format!("sqlite://{}?mode=rwc", data_dir.join("meta.sqlite").display()),
    }
}

impl Access {
    pub async fn open(url: &str) -> Result<Access, AccessError> {
        install_default_drivers();
        let options = AnyPoolOptions::new().max_connections(META_CONNECTIONS_MAX);
        let pool = options.connect(url).await.map_err(AccessError::Open)?;
        sqlx::migrate!("../migrations/meta").run(&pool).await.map_err(AccessError::Migrate)?;
        Ok(Access { pool })
    }

    fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// The sight of one tenant's data.
    pub async fn scope_of(&self, tenant: &TenantId) -> Result<Scope, AccessError> {
        let known: Option<(String,)> = sqlx::query_as("SELECT id FROM tenants WHERE id = $1")
            .bind(&tenant.0)
            .fetch_optional(&self.pool)
            .await
            .map_err(AccessError::Read)?;
        match known {
            Some((id,)) => Ok(Scope { tenant: TenantId(id) }),
            None => Err(AccessError::UnknownTenant(tenant.0.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_new_installation_has_its_default_tenant_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let url = meta_url(None, folder.path());
        let access = Access::open(&url).await.unwrap();
        let scope = access.scope_of(&TenantId::default()).await.unwrap();
        assert_eq!(scope.tenant, TenantId::default());
        let stranger = access.scope_of(&TenantId("nobody".into())).await.unwrap_err();
        assert!(stranger.to_string().contains("nobody"));
        // Opening again finds everything in place.
        Access::open(&url).await.unwrap().scope_of(&TenantId::default()).await.unwrap();
    }
}
