//! Every decoder, and the queue's recovery, fed with damaged input.
//!
//! As an ordinary test each target gets the same few thousand inputs every time. `SKEIN_FUZZ_SECONDS=600 cargo test
//! --release -p server --test fuzz` goes on for so long with new ones, for each target. An input that fails is written
//! beside the build, and its path is told; kept as a seed here, it stays mended.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![allow(clippy::disallowed_methods, reason = "how long to go on is not a server's configuration")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use traffic::rng::{Rng, mix};

mod decoders;
mod mutate;
mod recovery;

const USUAL_ROUNDS: u64 = 4_000;
const USUAL_SEED: u64 = 7;

/// Runs a target on its seeds as they are, and then on what becomes of them by chance.
fn run(target: &str, seeds: &[Vec<u8>], rounds: u64, check: impl Fn(&[u8])) {
    for seed in seeds {
        one(target, seed, &check);
    }
    let longer = std::env::var("SKEIN_FUZZ_SECONDS").ok().and_then(|secs| secs.parse().ok());
    let until = longer.map(|secs| Instant::now() + Duration::from_secs(secs));
    let start = until.map_or(USUAL_SEED, |_| from_the_clock());
    let mut round = 0;
    while until.map_or(round < rounds, |until| Instant::now() < until) {
        let mut rng = Rng::of(start, round);
        let input = mutate::input(&mut rng, seeds);
        one(target, &input, &check);
        round += 1;
    }
}

fn one(target: &str, input: &[u8], check: &impl Fn(&[u8])) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(input))) {
        let name = input.iter().fold(0, |hash, byte| mix(hash ^ u64::from(*byte)));
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{target}-{name:016x}"));
        std::fs::write(&path, input).unwrap();
        eprintln!("{target} failed on {}", path.display());
        std::panic::resume_unwind(panic);
    }
}

fn from_the_clock() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos() as u64
}
