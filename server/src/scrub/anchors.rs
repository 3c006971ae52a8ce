//! The quick look: where in a request's bytes a secret might be. Three passes that each skip most bytes.

use aho_corasick::{AhoCorasick, MatchKind};

/// A piece of whatever a detector of words can find, in the cases senders write.
const WORDS: [&str; 46] = [
    "earer ",
    "EARER ",
    "asic ",
    "ASIC ",
    "eyJ",
    "AKIA",
    "ASIA",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "xox",
    "k_live_",
    "k_test_",
    "AIza",
    "glpat-",
    "sk-",
    "-----BEGIN",
    "assw",
    "ASSW",
    "Assw",
    "pwd",
    "PWD",
    "Pwd",
    "ecret",
    "ECRET",
    "oken",
    "OKEN",
    "pi_key",
    "PI_KEY",
    "pi-key",
    "PI-KEY",
    "Pi-Key",
    "pikey",
    "piKey",
    "PIKEY",
    "PiKey",
    "uthorization",
    "UTHORIZATION",
    "ookie",
    "OOKIE",
    "entified",
    "ENTIFIED",
    "Entified",
];

/// How far apart two bytes of a card's number are looked at, and how far the look moves on: of any 13 bytes in a
/// row it then sees two.
const PAIR: usize = 6;
const STEP: usize = 7;
const CARD_MIN_DIGITS: usize = 13;

pub struct Anchors {
    words: Option<AhoCorasick>,
}

impl Default for Anchors {
    fn default() -> Anchors {
        // The words are constants: a set that does not build would be seen by the first test, and then all is marked.
        Anchors { words: AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(WORDS).ok() }
    }
}

impl Anchors {
    /// Adds the places, in order. At least one lies in every text that holds a secret.
    pub fn mark(&self, body: &[u8], marks: &mut Vec<usize>) {
        match &self.words {
            Some(words) => marks.extend(words.find_iter(body).map(|found| found.start())),
            None => marks.extend(0..body.len()),
        }
        let ats = memchr::memchr_iter(b'@', body);
        marks.extend(ats.filter(|at| is_graphic(body, at.wrapping_sub(1)) && is_graphic(body, at + 1)));
        mark_digits(body, marks);
        marks.sort_unstable();
    }
}

fn is_graphic(body: &[u8], at: usize) -> bool {
    body.get(at).is_some_and(|byte| byte.is_ascii_graphic() || !byte.is_ascii())
}

fn mark_digits(body: &[u8], marks: &mut Vec<usize>) {
    let mut at = PAIR;
    while at < body.len() {
        if !(may_be_of_a_card(body[at]) && may_be_of_a_card(body[at - PAIR])) {
            at += STEP;
            continue;
        }
        let before = body[..at].iter().rev().take_while(|byte| may_be_of_a_card(**byte)).count();
        let behind = body[at..].iter().take_while(|byte| may_be_of_a_card(**byte)).count();
        let run = &body[at - before..at + behind];
        if run.iter().filter(|byte| byte.is_ascii_digit()).count() >= CARD_MIN_DIGITS {
            // The run may have begun in what stands before the text: all of it is marked.
            marks.extend(at - before..at + behind);
        }
        at += behind + STEP;
    }
}

#[inline(always)]
fn may_be_of_a_card(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b' ' || byte == b'-'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(body: &[u8]) -> usize {
        let mut marks = Vec::new();
        Anchors::default().mark(body, &mut marks);
        marks.len()
    }

    #[test]
    fn a_number_is_seen_wherever_it_starts() {
        for shift in 0..30 {
            let body = [&vec![b'x'; shift][..], b"3714496353984", b"x"].concat();
            assert!(marks(&body) > 0, "shift {shift}");
            let short = [&vec![b'x'; shift][..], b"371449635398", b"x"].concat();
            assert_eq!(marks(&short), 0, "shift {shift}");
        }
    }

    #[test]
    fn what_is_usual_is_not_marked() {
        assert_eq!(marks(b"GET /cart/81723?page=2 HTTP/1.1 http://cart.shop:8080 \x40\x00"), 0);
        assert!(marks(b"postgres://u:p@h") > 0);
    }
}
