//! A search answered in parts: how question and parts cross the wire.
//!
//! ```text
//!   POST SEARCH_PARTS   postcard of the question
//!   answer              part, part, …: length u32 LE │ 0 page, 1 failure │ postcard
//! ```
//!
//! A question that fails before its first part is answered like a server function that fails.

use model::view::{SearchPage, TraceSearch};
use server_fn::codec::PostcardEncoding;
use server_fn::error::FromServerFnError;
use server_fn::{Bytes, Decodes, Encodes};

use crate::Failure;

pub const SEARCH_PARTS: &str = "/fn/search_in_parts";

const HEAD_BYTES: usize = 5;
const PAGE: u8 = 0;

pub fn parts_request(search: &TraceSearch) -> Vec<u8> {
    PostcardEncoding::encode(search).map(Into::into).unwrap_or_default()
}

/// Puts parts together out of what arrives.
#[derive(Default)]
pub struct PartReader {
    unread: Vec<u8>,
}

impl PartReader {
    pub fn add(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
    }

    /// The next part, if all of it has arrived.
    pub fn next_part(&mut self) -> Option<Result<SearchPage, Failure>> {
        let (head, rest) = self.unread.split_at_checked(HEAD_BYTES)?;
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let body = Bytes::copy_from_slice(rest.get(..length)?);
        let is_page = head[4] == PAGE;
        self.unread.drain(..HEAD_BYTES + length);
        if !is_page {
            return Some(Err(Failure::de(body)));
        }
        Some(PostcardEncoding::decode(body).map_err(unreadable))
    }
}

fn unreadable(error: impl std::fmt::Display) -> Failure {
    Failure::from_server_fn_error(server_fn::error::ServerFnErrorErr::Deserialization(error.to_string()))
}

#[cfg(feature = "ssr")]
pub fn read_parts_request(body: Bytes) -> Result<TraceSearch, Failure> {
    PostcardEncoding::decode(body).map_err(unreadable)
}

/// The body of a request that failed.
#[cfg(feature = "ssr")]
pub fn failure_bytes(failure: &Failure) -> Bytes {
    failure.ser()
}

#[cfg(feature = "ssr")]
pub fn part_bytes(part: Result<SearchPage, Failure>) -> Bytes {
    let (kind, body) = match part {
        Ok(page) => match PostcardEncoding::encode(&page) {
            Ok(body) => (PAGE, body),
            Err(error) => (PAGE + 1, unreadable(error).ser()),
        },
        Err(failure) => (PAGE + 1, failure.ser()),
    };
    let mut out = Vec::with_capacity(HEAD_BYTES + body.len());
    out.extend((body.len() as u32).to_le_bytes());
    out.push(kind);
    out.extend_from_slice(&body);
    Bytes::from(out)
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use model::{ApiError, ErrorCode};

    use super::*;

    #[test]
    fn parts_are_read_however_they_are_cut() {
        let page =
            |cursor: &str| SearchPage { next_cursor: Some(cursor.to_owned()), ..SearchPage::default() };
        let failed = || Failure(ApiError::new(ErrorCode::LimitExceeded, "too much", "ask for less"));
        let all = [part_bytes(Ok(page("a"))), part_bytes(Ok(page("b"))), part_bytes(Err(failed()))].concat();
        for cut in 1..all.len() {
            let mut reader = PartReader::default();
            let mut parts = Vec::new();
            for piece in all.chunks(cut) {
                reader.add(piece);
                parts.extend(std::iter::from_fn(|| reader.next_part()));
            }
            assert_eq!(parts, [Ok(page("a")), Ok(page("b")), Err(failed())], "cut every {cut} bytes");
        }
    }

    #[test]
    fn a_question_arrives_as_it_was_asked() {
        let asked = TraceSearch { q: Some("error".to_owned()), limit: Some(7), ..TraceSearch::default() };
        let body = Bytes::from(parts_request(&asked));
        assert_eq!(read_parts_request(body).map(|found| (found.q, found.limit)), Ok((asked.q, asked.limit)));
    }
}
