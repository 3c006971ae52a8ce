//! How a server function fails: our one error, or a transport that broke on the way.

use std::fmt;

use model::{ApiError, ErrorCode};
use serde::{Deserialize, Serialize};
use server_fn::codec::PostcardEncoding;
use server_fn::error::{FromServerFnError, ServerFnErrorErr};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure(pub ApiError);

impl FromServerFnError for Failure {
    type Encoder = PostcardEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Failure {
        let (code, hint) = match &error {
            ServerFnErrorErr::Request(_) | ServerFnErrorErr::Response(_) => {
                (ErrorCode::Busy, "Skein did not answer. It may be restarting; try again in a moment")
            }
            _ => (
                ErrorCode::Internal,
                "reload the page; if it stays, the page and the server may be of different versions",
            ),
        };
        Failure(ApiError::new(code, error.to_string(), hint))
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Failure {
        #[cfg(feature = "ssr")]
        crate::backend::note_failure(error.code);
        Failure(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for Failure {}
