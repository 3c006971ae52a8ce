//! Every decoder, and the queue's recovery, fed with damaged input.
//!
//! As an ordinary test each target gets the same few thousand inputs every time. `SKEIN_FUZZ_SECONDS=600 cargo test
//! --release -p server --test fuzz` goes on for so long with new ones, for each target. An input that fails is written
//! beside the build, and its path is told; kept as a seed here, it stays mended. `make fuzz` feeds the same targets with
//! what coverage leads to (`server/fuzz`).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![allow(clippy::disallowed_methods, reason = "how long to go on is not a server's configuration")]

use std::panic::catch_unwind;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use base64::prelude::{BASE64_STANDARD, Engine};
use traffic::rng::{Rng, mix};

mod decoders;
mod mutate;
mod recovery;
mod target;

use target::Target;

const USUAL_SEED: u64 = 7;

macro_rules! tests {
    ($($test:ident: $target:path,)+) => {
        $(#[test]
        fn $test() {
            run(&$target);
        })+
    };
}

tests! {
    otlp_traces: decoders::OTLP_TRACES,
    otlp_logs: decoders::OTLP_LOGS,
    otlp_json: decoders::OTLP_JSON,
    otlp_json_logs: decoders::OTLP_JSON_LOGS,
    simple_json: decoders::SIMPLE_JSON,
    zipkin_json: decoders::ZIPKIN_JSON,
    zipkin_protobuf: decoders::ZIPKIN_PROTOBUF,
    receipts_on_their_way: decoders::RECEIPTS,
    packed_by_gzip: decoders::GZIP,
    packed_by_deflate: decoders::DEFLATE,
    packed_by_zstd: decoders::ZSTD,
    packed_by_snappy: decoders::SNAPPY,
    queries_as_they_are_typed: decoders::QUERY,
    damaged_segments: recovery::RECOVERY,
}

/// Runs a target on its seeds and what `make fuzz` has kept as they are, and then on what becomes of them by chance.
fn run(target: &Target) {
    let seeds = [(target.seeds)(), kept(target)].concat();
    for seed in &seeds {
        one(target, seed);
    }
    let longer = std::env::var("SKEIN_FUZZ_SECONDS").ok().and_then(|secs| secs.parse().ok());
    let until = longer.map(|secs| Instant::now() + Duration::from_secs(secs));
    let start = until.map_or(USUAL_SEED, |_| from_the_clock());
    let mut round = 0;
    while until.map_or(round < target.rounds, |until| Instant::now() < until) {
        let mut rng = Rng::of(start, round);
        let input = mutate::input(&mut rng, &seeds);
        one(target, &input);
        round += 1;
    }
}

/// What led cargo-fuzz to places that nothing else did, the smallest of it: one input a line, in base64.
fn kept(target: &Target) -> Vec<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target.name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(!text.is_empty(), "{} is empty: make fuzz ARGS={}", path.display(), target.name);
    text.lines().map(|line| BASE64_STANDARD.decode(line).unwrap()).collect()
}

fn one(target: &Target, input: &[u8]) {
    if let Err(panic) = catch_unwind(|| (target.check)(input)) {
        let name = input.iter().fold(0, |hash, byte| mix(hash ^ u64::from(*byte)));
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name:016x}", target.name));
        std::fs::write(&path, input).unwrap();
        eprintln!("{} failed on {}", target.name, path.display());
        std::panic::resume_unwind(panic);
    }
}

fn from_the_clock() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos() as u64
}
