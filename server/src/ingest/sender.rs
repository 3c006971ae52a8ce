//! Who sends: judged by the key a request shows, before anything else about the request is looked at.

use std::sync::Arc;
use std::time::Instant;

use http::{Extensions, HeaderMap, header};
use model::TenantId;

use super::intake::IntakeError;
use crate::access::{KEY_PREFIX, Key, Keys};

const HEADER: &str = "x-skein-key";
/// What a sender without a valid key is told, whatever it showed.
pub const REFUSAL: &str = "a valid ingest key is needed";
pub const HINT: &str =
    "send one as 'authorization: Bearer …' or 'x-skein-key: …'; 'skein key create' makes them";

/// Lets senders in, or not.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    keys: Arc<Keys>,
    is_required: bool,
}

/// Whose spans a request carries, and how many more there may be.
#[derive(Clone, Debug, Default)]
pub struct Sender {
    pub tenant: TenantId,
    key: Option<Arc<Key>>,
}

/// The request shows no valid key where one is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown;

impl Guard {
    pub fn new(keys: Arc<Keys>, is_required: bool) -> Guard {
        Guard { keys, is_required }
    }

    /// A key that is shown must be valid even where none is needed: its spans would go to another tenant unnoticed.
    pub fn judge(&self, headers: &HeaderMap) -> Result<Sender, Unknown> {
        let shown = match headers.get(HEADER) {
            Some(value) => Some(value.to_str().unwrap_or("").trim()),
            // Any other token is meant for a proxy on the way.
            None => bearer(headers).filter(|token| self.is_required || token.starts_with(KEY_PREFIX)),
        };
        match shown {
            Some(text) => {
                let key = self.keys.find(text).ok_or(Unknown)?;
                Ok(Sender { tenant: key.tenant().clone(), key: Some(key) })
            }
            None if self.is_required => Err(Unknown),
            None => Ok(Sender::default()),
        }
    }
}

impl Sender {
    /// What the key is called; empty without one.
    pub fn label(&self) -> &str {
        self.key.as_ref().map_or("", |key| key.label())
    }

    /// Tells it from all other senders, as well as is known.
    pub fn name(&self) -> String {
        format!("{} {}", self.tenant.0, self.label())
    }

    /// Takes spans off what the sender may send.
    pub fn admit(&self, spans: u32) -> Result<(), IntakeError> {
        match &self.key {
            Some(key) => key.admit(spans, Instant::now()).map_err(|pause| IntakeError::RateLimited { pause }),
            None => Ok(()),
        }
    }
}

/// The sender that the guard at the door left with the request.
pub(super) fn sender_of(extensions: &Extensions) -> Result<Sender, IntakeError> {
    extensions.get::<Sender>().cloned().ok_or(IntakeError::Failed)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(is_required: bool, headers: &[(&'static str, &str)]) -> Result<Sender, Unknown> {
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap())
        });
        Guard::new(Arc::default(), is_required).judge(&headers.collect())
    }

    #[test]
    fn without_keys_required_only_what_claims_to_be_one_is_judged() {
        assert_eq!(judge(false, &[]).unwrap().tenant, TenantId::default());
        assert!(judge(false, &[("authorization", "Bearer of-a-proxy")]).is_ok());
        assert!(judge(false, &[("authorization", "Basic skein_x")]).is_ok());
        assert!(judge(false, &[("authorization", "bearer  skein_x_y")]).is_err());
        assert!(judge(false, &[("x-skein-key", "")]).is_err());
    }

    #[test]
    fn with_keys_required_nothing_else_passes() {
        for headers in [&[][..], &[("authorization", "Bearer of-a-proxy")], &[("x-skein-key", "skein_x_y")]] {
            assert_eq!(judge(true, headers).unwrap_err(), Unknown);
        }
    }
}
