//! What a target of fuzzing is: one value, for the ordinary tests and for cargo-fuzz (`server/fuzz`).

pub struct Target {
    pub name: &'static str,
    /// How many inputs the ordinary test tries.
    pub rounds: u64,
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Panics on an input that is not dealt with as it should be.
    pub check: fn(&[u8]),
}
