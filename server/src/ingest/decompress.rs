//! Unpacks bodies as a stream that stops at the limit, so that a small body cannot become a large one in memory.

use std::io::Read;

use bytes::Bytes;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use snap::raw;
use snap::read::FrameDecoder;
use zstd::stream::read::Decoder as ZstdDecoder;

use super::body::Held;
use super::intake::IntakeError;
use crate::limits::{UNPACK_STEP_BYTES, ZSTD_WINDOW_LOG_MAX};

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Identity,
    Gzip,
    Zstd,
    Deflate,
    Snappy,
}

/// What can be unpacked, as `Accept-Encoding` lists it.
pub const ACCEPTED: &str = "gzip, zstd, deflate, snappy, identity";
/// Snappy is sent in frames, of which this is the first, or as one block without any. Senders call both `snappy`; a
/// block that begins so would be damaged.
const SNAPPY_FRAMES: &[u8] = b"\xff\x06\x00\x00sNaPpY";

impl Coding {
    /// By the name HTTP and gRPC use; None if it is not one of them.
    pub fn from_name(name: &str) -> Option<Coding> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Coding::Identity),
            "gzip" | "x-gzip" => Some(Coding::Gzip),
            "zstd" => Some(Coding::Zstd),
            // The Collector's clients call the same by both names.
            "deflate" | "zlib" => Some(Coding::Deflate),
            "snappy" | "x-snappy-framed" => Some(Coding::Snappy),
            _ => None,
        }
    }
}

/// The body unpacked, with its share grown to what it is now.
pub fn decompress(held: Held, coding: Coding, max_bytes: usize) -> Result<Held, IntakeError> {
    let packed = held.bytes.clone();
    match coding {
        Coding::Identity => Ok(held),
        Coding::Gzip => unpack(held, MultiGzDecoder::new(&packed[..]), "gzip", max_bytes),
        Coding::Deflate => unpack(held, ZlibDecoder::new(&packed[..]), "deflate", max_bytes),
        Coding::Zstd => {
            let decoder = ZstdDecoder::with_buffer(&packed[..]).and_then(|mut decoder| {
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Ok(decoder)
            });
            unpack(held, decoder.map_err(|error| damaged("zstd", &error))?, "zstd", max_bytes)
        }
        Coding::Snappy if packed.starts_with(SNAPPY_FRAMES) => {
            unpack(held, FrameDecoder::new(&packed[..]), "snappy", max_bytes)
        }
        Coding::Snappy => unpack_block(held, max_bytes),
    }
}

fn unpack(mut held: Held, mut packed: impl Read, name: &str, max_bytes: usize) -> Result<Held, IntakeError> {
    let mut out = Vec::with_capacity((4 * held.bytes.len()).clamp(1024, max_bytes));
    loop {
        // One byte beyond the limit tells a body that fits from one that does not.
        let step = UNPACK_STEP_BYTES.min(max_bytes + 1 - out.len());
        held.share.grow(step)?;
        let before = out.len();
        let result = packed.by_ref().take(step as u64).read_to_end(&mut out);
        let read = result.map(|_| out.len() - before).map_err(|error| damaged(name, &error))?;
        if out.len() > max_bytes {
            return Err(IntakeError::TooLarge { max_bytes });
        }
        if read < step {
            break;
        }
    }
    let bytes = Bytes::from(out);
    held.share.shrink_to(bytes.len());
    Ok(Held { bytes, share: held.share })
}

/// A block says how long it is unpacked, and is found damaged where it is longer or shorter.
fn unpack_block(mut held: Held, max_bytes: usize) -> Result<Held, IntakeError> {
    let length = raw::decompress_len(&held.bytes).map_err(|error| damaged("snappy", &error))?;
    if length > max_bytes {
        return Err(IntakeError::TooLarge { max_bytes });
    }
    held.share.grow(length)?;
    let unpacked = raw::Decoder::new().decompress_vec(&held.bytes);
    let bytes = Bytes::from(unpacked.map_err(|error| damaged("snappy", &error))?);
    held.share.shrink_to(bytes.len());
    Ok(Held { bytes, share: held.share })
}

fn damaged(name: &str, error: &dyn std::error::Error) -> IntakeError {
    IntakeError::Malformed(format!("the body is not whole {name} data: {error}"))
}
