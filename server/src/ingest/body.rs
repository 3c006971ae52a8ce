//! Reads a request's body, bounded in size, in time and by the budget all requests share.

use axum::body::Body;
use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::BodyExt;

use super::budget::{Budget, Share};
use super::intake::IntakeError;
use crate::limits::{BODY_READ_TIMEOUT, DISCARD_MAX_BYTES, DISCARD_TIMEOUT};

/// A body and its share of the budget, kept as long as the bytes are.
#[derive(Debug)]
pub struct Held {
    pub bytes: Bytes,
    pub share: Share,
}

/// Tells how long a body is, if that can be known once its first bytes are there.
pub type LengthOf = fn(&[u8]) -> Option<usize>;

/// Takes the whole body, at most `max_bytes` of it. `announced` is the length the sender named, if it did.
pub async fn read(
    mut body: Body,
    announced: Option<u64>,
    length_of: LengthOf,
    max_bytes: usize,
    budget: &Budget,
) -> Result<Held, IntakeError> {
    let result = if announced.is_some_and(|length| length > max_bytes as u64) {
        Err(IntakeError::TooLarge { max_bytes })
    } else {
        let expected = |first: &[u8]| match announced {
            Some(length) => usize::try_from(length).ok(),
            None => length_of(first),
        };
        let reading = collect(&mut body, expected, max_bytes, budget);
        tokio::time::timeout(BODY_READ_TIMEOUT, reading).await.unwrap_or(Err(IntakeError::TooSlow))
    };
    if !matches!(result, Ok(_) | Err(IntakeError::TooSlow | IntakeError::Interrupted)) {
        discard(body).await;
    }
    result
}

/// A sender that is still writing when its connection closes never reads why it was refused: the rest of a refused
/// body is taken, up to a bound, and thrown away.
pub async fn discard(mut body: Body) {
    let reading = async {
        let mut left = DISCARD_MAX_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    let _ = tokio::time::timeout(DISCARD_TIMEOUT, reading).await;
}

async fn collect(
    body: &mut Body,
    expected: impl Fn(&[u8]) -> Option<usize>,
    max_bytes: usize,
    budget: &Budget,
) -> Result<Held, IntakeError> {
    let mut share = budget.share();
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| IntakeError::Interrupted)?.into_data() else { continue };
        if share.bytes() + data.len() > max_bytes {
            return Err(IntakeError::TooLarge { max_bytes });
        }
        share.grow(data.len())?;
        if all.is_empty() && first.is_empty() {
            // A body in one piece is never copied.
            first = data;
        } else {
            if all.is_empty() {
                // Room for all of it is asked for once. What a liar does not send of it is never touched.
                let some = 2 * (first.len() + data.len());
                all.reserve(expected(&first).unwrap_or(some).min(max_bytes));
                all.put_slice(&first);
            }
            all.put_slice(&data);
        }
    }
    let bytes = if all.is_empty() { first } else { all.freeze() };
    Ok(Held { bytes, share })
}
