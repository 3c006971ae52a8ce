//! What chance does to an input: a few changes of the kinds that broken senders, wires and disks make.

use traffic::rng::Rng;

/// Bytes that decoders take for something special.
const ODD: [u8; 12] = [0, 1, 0x7f, 0x80, 0xff, 0xfe, b'"', b'{', b'[', b'\\', b'-', b'9'];
const CHANGES_MAX: u64 = 6;
const INPUT_MAX_BYTES: usize = 64 << 10;

/// One of the seeds, changed.
pub fn input(rng: &mut Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = rng.pick(seeds).clone();
    for _ in 0..=rng.below(CHANGES_MAX) {
        change(rng, &mut bytes, seeds);
    }
    bytes.truncate(INPUT_MAX_BYTES);
    bytes
}

fn change(rng: &mut Rng, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
    let at = place(rng, bytes.len());
    match rng.below(8) {
        0 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
        1 if at < bytes.len() => bytes[at] = *rng.pick(&ODD),
        2 => bytes.insert(at, *rng.pick(&ODD)),
        3 => drop(bytes.drain(part(rng, at, bytes.len()))),
        4 => {
            let again = bytes[part(rng, at, bytes.len())].to_vec();
            bytes.splice(at..at, again);
        }
        5 => bytes.truncate(at),
        6 => {
            let other = rng.pick(seeds);
            let from = place(rng, other.len());
            let taken = other[part(rng, from, other.len())].to_vec();
            bytes.splice(at..at, taken);
        }
        _ => {
            let number = rng.next_u64() >> rng.below(64);
            bytes.splice(at..at, number.to_le_bytes());
        }
    }
}

fn place(rng: &mut Rng, length: usize) -> usize {
    rng.below(length as u64 + 1) as usize
}

/// A short stretch from `at` on; now and then a long one.
fn part(rng: &mut Rng, at: usize, length: usize) -> std::ops::Range<usize> {
    let most = if rng.chance(0.2) { length - at } else { (length - at).min(16) };
    at..at + place(rng, most)
}
