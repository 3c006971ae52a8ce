//! Remembers the last requests that were taken, to notice one that comes again: a sender that did not get its answer.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use model::TenantId;
use xxhash_rust::xxh3::Xxh3;

use crate::limits::RECENT_REQUESTS;

/// A tenant and the bytes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Print(u64);

#[derive(Debug, Default)]
pub struct Recent {
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    known: HashSet<u64>,
    in_order: VecDeque<u64>,
}

impl Print {
    pub fn of(tenant: &TenantId, body: &[u8]) -> Print {
        let mut hash = Xxh3::with_seed(body.len() as u64);
        hash.update(tenant.0.as_bytes());
        hash.update(body);
        Print(hash.digest())
    }
}

impl Recent {
    /// Remembers a request that was taken, and says whether it had been before.
    pub fn has_seen(&self, print: Print) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.known.insert(print.0) {
            return true;
        }
        seen.in_order.push_back(print.0);
        if seen.in_order.len() > RECENT_REQUESTS
            && let Some(oldest) = seen.in_order.pop_front()
        {
            seen.known.remove(&oldest);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_bytes_of_the_same_tenant_are_known_until_forgotten() {
        let recent = Recent::default();
        let (mine, other) = (TenantId::default(), TenantId("other".into()));
        let print = Print::of(&mine, b"spans");
        assert!(!recent.has_seen(print));
        assert!(recent.has_seen(print));
        assert!(!recent.has_seen(Print::of(&other, b"spans")));
        for number in 0..RECENT_REQUESTS as u64 {
            recent.has_seen(Print::of(&mine, &number.to_le_bytes()));
        }
        assert!(!recent.has_seen(print));
        let seen = recent.seen.lock().unwrap();
        assert_eq!((seen.known.len(), seen.in_order.len()), (RECENT_REQUESTS, RECENT_REQUESTS));
    }
}
