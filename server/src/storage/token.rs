//! Tokens: what a piece of a trace contains, as numbers of 32 bits.
//!
//! The writer puts them into `pieces`, the planner asks for them. They are kept on disk, so what makes them may never
//! change. Two things may share a token: a piece with the token is worth a look, one without it is not.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Whose key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    Span = 1,
    Event = 2,
    Link = 3,
}

/// Texts that are no attribute's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    StatusMessage = 16,
    EventName = 17,
    LinkTraceId = 18,
    LinkSpanId = 19,
}

const TEXT: u64 = 0x51;
const INT: u64 = 0x52;
const BOOL: u64 = 0x53;

/// A key, from which tokens of its values are made.
#[derive(Clone, Copy, Debug)]
pub struct Key(u64);

impl Key {
    pub fn of(owner: Owner, key: impl AsRef<[u8]>) -> Key {
        Key(xxh3_64_with_seed(key.as_ref(), owner as u64))
    }

    /// The key is there, whatever its value.
    pub fn present(self) -> u32 {
        folded(self.0)
    }

    pub fn text(self, value: impl AsRef<[u8]>) -> u32 {
        folded(xxh3_64_with_seed(value.as_ref(), self.0 ^ TEXT))
    }

    /// Integers that are the same number in floating point are the same here.
    pub fn int(self, value: i64) -> u32 {
        let value = (value as f64) as i64;
        folded(xxh3_64_with_seed(&value.to_le_bytes(), self.0 ^ INT))
    }

    pub fn bool(self, value: bool) -> u32 {
        folded(xxh3_64_with_seed(&[u8::from(value)], self.0 ^ BOOL))
    }
}

/// A number without a fraction has the token of the integer, whichever type it came as.
pub fn whole(value: f64) -> Option<i64> {
    (value.is_finite() && value.fract() == 0.0).then_some(value as i64)
}

pub fn of_fact(fact: Fact, value: &[u8]) -> u32 {
    folded(xxh3_64_with_seed(value, fact as u64))
}

/// A span of this origin is in the piece. Resource and scope are looked for in `origins`, not here.
pub fn of_origin(origin: u64) -> u32 {
    folded(origin)
}

fn folded(hash: u64) -> u32 {
    (hash ^ (hash >> 32)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_on_disk_keep_their_meaning() {
        let key = Key::of(Owner::Span, "user.id");
        let made = [
            key.present(),
            key.text("x"),
            key.int(7),
            key.bool(true),
            of_fact(Fact::EventName, b"exception"),
            of_origin(0x0123_4567_89ab_cdef),
        ];
        assert_eq!(
            made,
            [3_128_059_684, 2_670_545_591, 2_814_310_690, 1_920_721_225, 2_112_634_277, 2_290_649_224]
        );
    }

    #[test]
    fn owners_and_types_are_kept_apart() {
        let span = Key::of(Owner::Span, "k");
        assert_ne!(span.present(), Key::of(Owner::Event, "k").present());
        assert_ne!(span.text("1"), span.int(1));
        assert_ne!(span.int(1), span.bool(true));
        assert_eq!(whole(3.0), Some(3));
        assert_eq!((whole(3.5), whole(f64::NAN), whole(f64::INFINITY)), (None, None, None));
        assert_eq!(span.int((1 << 53) + 1), span.int(1 << 53), "equal as floating-point numbers");
    }
}
