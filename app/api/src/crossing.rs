//! How a server function crosses the wire: postcard there and back, over POST.
//!
//! The browser's half is written here rather than left to the library's `Http`, which builds sending and receiving
//! anew for every function: a tenth of what the browser downloads. Here only coding and decoding are.

use std::future::Future;
use std::sync::OnceLock;

use model::{ApiError, ErrorCode};
use server_fn::Http;
use server_fn::client::Client;
use server_fn::codec::{FromReq, FromRes, IntoReq, IntoRes, Postcard, PostcardEncoding};
use server_fn::error::{FromServerFnError, ServerFnErrorErr};
use server_fn::request::ClientReq;
use server_fn::response::ClientRes;
use server_fn::serde::Serialize;
use server_fn::serde::de::DeserializeOwned;
use server_fn::server::Server;
use server_fn::{Bytes, ContentType, Decodes, Encodes, Protocol};

use crate::Failure;

pub struct Crossing;

impl<Input, Output, C, S> Protocol<Input, Output, C, S, Failure> for Crossing
where
    Input: Serialize + IntoReq<Postcard, C::Request, Failure> + FromReq<Postcard, S::Request, Failure> + Send,
    Output: DeserializeOwned
        + IntoRes<Postcard, S::Response, Failure>
        + FromRes<Postcard, C::Response, Failure>
        + Send,
    C: Client<Failure>,
    S: Server<Failure>,
{
    const METHOD: http::Method = http::Method::POST;

    async fn run_server<F, Fut>(request: S::Request, function: F) -> Result<S::Response, Failure>
    where
        F: Fn(Input) -> Fut + Send,
        Fut: Future<Output = Result<Output, Failure>> + Send,
    {
        <Http<Postcard, Postcard> as Protocol<Input, Output, C, S, Failure>>::run_server(request, function)
            .await
    }

    async fn run_client(path: &str, input: Input) -> Result<Output, Failure> {
        let body = PostcardEncoding::encode(&input)
            .map_err(|error| failure(ServerFnErrorErr::Serialization(error.to_string())))?;
        let answer = send::<C>(path, body).await?;
        answered(answer)
    }
}

static BASE: OnceLock<&str> = OnceLock::new();

/// From here on, questions go to below this path.
pub fn ask_below(base: &'static str) {
    let _ = BASE.set(base);
}

/// What an answer's bytes say.
pub fn answered<T: DeserializeOwned>(answer: Bytes) -> Result<T, Failure> {
    PostcardEncoding::decode(answer)
        .map_err(|error| failure(ServerFnErrorErr::Deserialization(error.to_string())))
}

async fn send<C: Client<Failure>>(path: &str, body: Bytes) -> Result<Bytes, Failure> {
    let content = PostcardEncoding::CONTENT_TYPE;
    let path = [BASE.get().copied().unwrap_or_default(), path].concat();
    let response = C::send(C::Request::try_new_post_bytes(&path, content, content, body)?).await?;
    let status = response.status();
    let bytes = response.try_into_bytes().await?;
    if (400..=599).contains(&status) { Err(refused(status, bytes)) } else { Ok(bytes) }
}

/// What an answer says that is no success. What stands before Skein may have answered in its place, in words of its
/// own or in none.
pub fn refused(status: u16, body: Bytes) -> Failure {
    const HINT: &str =
        "Skein may be restarting, or what stands before it does not reach it; try again in a moment";
    let code = if status >= 500 { ErrorCode::Busy } else { ErrorCode::Internal };
    let unsaid = |_| Failure(ApiError::new(code, format!("The answer was {status}, without a reason"), HINT));
    PostcardEncoding::decode(body).unwrap_or_else(unsaid)
}

fn failure(error: ServerFnErrorErr) -> Failure {
    Failure::from_server_fn_error(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_why_or_that_nothing_was_said() {
        let known = Failure(ApiError::not_found("no such trace", "look elsewhere"));
        assert_eq!(refused(404, known.ser()), known);
        for body in ["", "upstream connect error", "<html>503</html>", "\n\n"] {
            let Failure(error) = refused(503, Bytes::from_static(body.as_bytes()));
            assert_eq!(
                (error.code, error.message.as_str()),
                (ErrorCode::Busy, "The answer was 503, without a reason")
            );
        }
        assert_eq!(refused(413, Bytes::new()).0.code, ErrorCode::Internal);
    }
}
