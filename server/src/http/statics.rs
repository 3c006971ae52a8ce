//! The UI, carried inside the binary. Every address that is not a file or an API is the UI's own to route.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use model::ApiError;
use model::view::{REPORT_PAGES, below_own_base};
use rust_embed::RustEmbed;

use super::error::HttpError;

#[derive(RustEmbed)]
#[folder = "../dist"]
#[allow_missing = true]
struct Dist;

const INDEX: &str = "index.html";
/// The page of [`REPORT_PAGES`].
const REPORTS: &str = "reports.html";
/// Files with a hash in their name never change; the page that names them is asked for every time.
const FOREVER: &str = "public, max-age=31536000, immutable";
const ALWAYS_ASK: &str = "no-cache";
/// Compressed forms made at build time, best first.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

pub async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = below_own_base(uri.path()).0.trim_start_matches('/');
    if path.starts_with("api/") || path.starts_with("fn/") || path.starts_with("v1/") {
        let error = ApiError::not_found(format!("there is nothing at /{path}"), "see /api/openapi.json");
        return HttpError(error).into_response();
    }
    if method != Method::GET && method != Method::HEAD {
        return super::error::method_not_allowed().await;
    }
    if let Some(response) = file(path, &headers).filter(|_| !path.is_empty()) {
        return response;
    }
    // A missing file is missing; a page's address has no extension.
    if path.rsplit('/').next().is_some_and(|name| name.contains('.')) {
        return HttpError(ApiError::not_found(format!("there is no file /{path}"), "")).into_response();
    }
    file(page_of(path), &headers).unwrap_or_else(without_ui)
}

fn page_of(path: &str) -> &'static str {
    let first = path.split('/').next().unwrap_or_default();
    if REPORT_PAGES.contains(&first) { REPORTS } else { INDEX }
}

fn file(path: &str, headers: &HeaderMap) -> Option<Response> {
    let plain = Dist::get(path)?;
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or("");
    let encoded = ENCODINGS
        .iter()
        .filter(|(name, _)| {
            accepted.split(',').any(|a| a.split(';').next().is_some_and(|a| a.trim() == *name))
        })
        .find_map(|(name, suffix)| Some((*name, Dist::get(&format!("{path}{suffix}"))?)));
    let (encoding, content) = match encoded {
        Some((name, content)) => (Some(name), content),
        None => (None, plain),
    };
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let mut response = (StatusCode::OK, content.data).into_response();
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_str(kind.as_ref()).ok()?);
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    out.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    out.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    out.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    let cache = if is_hashed(path) { FOREVER } else { ALWAYS_ASK };
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Some(name) = encoding {
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    Some(response)
}

/// `app-0123456789abcdef_bg.wasm` and the like.
fn is_hashed(path: &str) -> bool {
    path.split(['-', '_', '.', '/'])
        .any(|part| part.len() >= 16 && part.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn without_ui() -> Response {
    let text = "This skein was built without its web UI. `make build` builds both.\n";
    (StatusCode::NOT_FOUND, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_have_a_page_of_their_own() {
        assert_eq!([page_of(""), page_of("trace/ab"), page_of("mapping")], [INDEX; 3]);
        assert_eq!([page_of("map"), page_of("services/a/b"), page_of("diff")], [REPORTS; 3]);
    }

    #[test]
    fn only_hashed_names_are_kept_for_ever() {
        assert!(is_hashed("app-93af01bc44de1a02_bg.wasm"));
        assert!(!is_hashed("index.html"));
        assert!(!is_hashed("public/icon.svg"));
    }
}
