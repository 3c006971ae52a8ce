//! The targets of `server/tests/fuzz` for libFuzzer: one program, told by `SKEIN_FUZZ_TARGET` which of them to feed.
//!
//! It knows no target of its own. Before libFuzzer reads the folder of inputs, the target's seeds are put there.
#![no_main]
#![allow(clippy::unwrap_used, reason = "who fuzzes reads why it stopped")]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/fuzz/decoders.rs"]
mod decoders;
#[path = "../../tests/fuzz/recovery.rs"]
mod recovery;
#[path = "../../tests/fuzz/target.rs"]
mod target;

use target::Target;

static TARGETS: [&Target; 14] = [
    &decoders::OTLP_TRACES,
    &decoders::OTLP_LOGS,
    &decoders::OTLP_JSON,
    &decoders::OTLP_JSON_LOGS,
    &decoders::SIMPLE_JSON,
    &decoders::ZIPKIN_JSON,
    &decoders::ZIPKIN_PROTOBUF,
    &decoders::RECEIPTS,
    &decoders::GZIP,
    &decoders::DEFLATE,
    &decoders::ZSTD,
    &decoders::SNAPPY,
    &decoders::QUERY,
    &recovery::RECOVERY,
];

/// What is fed. Chosen by libFuzzer's very first call, before it reads any input.
static CHOSEN: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("SKEIN_FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.into_iter().find(|target| target.name == name);
    found.unwrap_or_else(|| {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        panic!("SKEIN_FUZZ_TARGET={name} is none of {}", names.join(", "))
    })
});

/// The first folder on the command line is the one whose inputs grow.
fn sow() {
    let Some(folder) = std::env::args().skip(1).find(|argument| Path::new(argument).is_dir()) else { return };
    for (number, seed) in (CHOSEN.seeds)().into_iter().enumerate() {
        std::fs::write(Path::new(&folder).join(format!("seed-{number}")), seed).unwrap();
    }
}

fuzz_target!(init: sow(), |input: &[u8]| (CHOSEN.check)(input));
