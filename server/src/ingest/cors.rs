//! Lets pages of named origins send from a browser. Nobody is named unless the operator does it.

use axum::Router;
use http::{HeaderValue, Method, Uri, header};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::limits::PREFLIGHT_MAX_AGE;

/// The routes, open to pages of these origins; `*` is every page there is.
pub fn allow(router: Router, origins: &[String]) -> Router {
    if origins.is_empty() {
        return router;
    }
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()))
    };
    let layer = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::POST])
        // Whatever an SDK's exporter is told to send along; a page can name no header that opens more than POST does.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([header::RETRY_AFTER])
        .max_age(PREFLIGHT_MAX_AGE);
    router.layer(layer)
}

/// What is wrong with an origin, as the command line gives it.
pub fn check_origin(origin: &str) -> Result<(), String> {
    let parts = origin.parse::<Uri>().map(Uri::into_parts);
    // A browser's origin has no path, not even the last slash.
    let is_origin = parts.is_ok_and(|parts| parts.scheme.is_some() && parts.authority.is_some())
        && origin.matches('/').count() == 2;
    if origin == "*" || is_origin {
        Ok(())
    } else {
        Err(format!("'{origin}' is not an origin such as https://shop.example or http://localhost:3000"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_what_browsers_send() {
        for good in ["*", "https://shop.example", "http://localhost:3000"] {
            assert!(check_origin(good).is_ok(), "{good}");
        }
        for bad in ["shop.example", "https://shop.example/", "https://shop.example/a", ""] {
            assert!(check_origin(bad).unwrap_err().contains(bad), "{bad}");
        }
    }
}
