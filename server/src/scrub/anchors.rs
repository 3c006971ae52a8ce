//! The quick look: where in a request's bytes a secret might be. One pass, two bytes at a time.
//!
//! ```text
//!   bytes    … h t t p . r e q u e s t . h e a d e r . c o o k i e …
//!   pairs      └─┘ └─┘ └─┘ └─┘ └─┘ └─┘ └─┘ └─┘ └─┘ └─┘ └─┘ └─┘        "oo" is of a word: look there
//! ```
//! A word of three bytes or more holds a whole pair wherever it starts, so each is looked for by its rarest pair at even
//! places and its rarest at odd ones. A number of a card's length holds two whole pairs of digits side by side within
//! four bytes.

use std::ops::Range;

/// A piece of whatever a detector of words can find, in the cases senders write.
const WORDS: [&str; 52] = [
    "earer ",
    "EARER ",
    "basic ",
    "Basic ",
    "BASIC ",
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
    "assword",
    "ASSWORD",
    "Assword",
    "asswd",
    "ASSWD",
    "Asswd",
    "pwd",
    "PWD",
    "Pwd",
    "ecret",
    "ECRET",
    "oken",
    "OKEN",
    "pi_key",
    "PI_KEY",
    "pi_Key",
    "pi-key",
    "PI-KEY",
    "pi-Key",
    "pikey",
    "piKey",
    "PIKEY",
    "uthorization",
    "UTHORIZATION",
    "ookie",
    "OOKIE",
    "entified",
    "ENTIFIED",
    "vate_key",
    "vate_Key",
    "VATE_KEY",
];

const CARD_MIN_DIGITS: usize = 13;
/// Texts as they are sent: pairs that are rare in them are what words are looked for by.
const SAMPLE: &str = "service.name http.request.method http.response.status_code url.path url.full url.scheme \
     https://shop.example/checkout/cart/items server.address server.port network.protocol.version \
     network.peer.address user_agent.original Mozilla/5.0 (Windows NT 10.0; Win64; x64) \
     AppleWebKit/537.36 (KHTML, like Gecko) Chrome Safari db.system postgresql db.namespace \
     db.query.text SELECT id, name FROM orders WHERE customer_id = AND created_at INSERT INTO VALUES \
     UPDATE SET db.operation.name db.collection.name rpc.system grpc rpc.service rpc.method \
     messaging.system kafka messaging.destination.name messaging.operation.type process publish \
     thread.id thread.name exception.type exception.message exception.stacktrace \
     java.lang.IllegalStateException at com.example.shop.cart.CartService error.type timeout connection \
     refused telemetry.sdk.language host.name os.type container.id k8s.pod.name k8s.namespace.name \
     deployment.environment production session.id feature_flag.key enduser.id code.function \
     code.filepath peer.service payment inventory search recommendation";

/// What a pair of bytes is taken for: a group of words, both of a card's number, or nothing.
const OF_A_CARD: u8 = 0x80;
const WITH_AN_AT: u8 = 0x7f;
const BLOCK: usize = 8;

pub struct Anchors {
    kinds: Box<[u8; 1 << 16]>,
    /// Words by the pair they are looked for by, and where in them it is. The first is empty.
    groups: Vec<Vec<(&'static [u8], usize)>>,
}

impl Default for Anchors {
    fn default() -> Anchors {
        let mut counts = vec![0_u32; 1 << 16];
        for two in SAMPLE.as_bytes().windows(2) {
            counts[pair(two[0], two[1])] += 1;
        }
        let mut anchors = Anchors { kinds: Box::new([0; 1 << 16]), groups: vec![Vec::new()] };
        for word in WORDS.map(str::as_bytes) {
            for parity in 0..2 {
                let places = (parity..word.len() - 1).step_by(2);
                if let Some(place) = places.min_by_key(|at| counts[pair(word[*at], word[*at + 1])]) {
                    anchors.look_for(word, place);
                }
            }
        }
        for first in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                let kind = &mut anchors.kinds[pair(first, second)];
                if first == b'@' || second == b'@' {
                    *kind = WITH_AN_AT;
                }
                if may_be_of_a_card(first) && may_be_of_a_card(second) {
                    *kind |= OF_A_CARD;
                }
            }
        }
        anchors
    }
}

impl Anchors {
    fn look_for(&mut self, word: &'static [u8], place: usize) {
        let kind = &mut self.kinds[pair(word[place], word[place + 1])];
        if *kind == 0 {
            *kind = self.groups.len() as u8;
            self.groups.push(Vec::new());
        }
        self.groups[usize::from(*kind)].push((word, place));
    }

    /// The places, in order and apart from each other. At least one touches every text that holds a secret.
    pub fn marks(&self, body: &[u8]) -> Vec<Range<usize>> {
        let mut marks = Vec::new();
        let mut run_end = 0;
        let (blocks, rest) = body.as_chunks::<BLOCK>();
        for (block, at) in blocks.iter().zip((0..).step_by(BLOCK)) {
            self.look(body, block, at, &mut run_end, &mut marks);
        }
        let mut last = [0; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        self.look(body, &last, body.len() - rest.len(), &mut run_end, &mut marks);
        merged(marks)
    }

    #[inline(always)]
    fn look(
        &self,
        body: &[u8],
        block: &[u8; BLOCK],
        at: usize,
        run_end: &mut usize,
        marks: &mut Vec<Range<usize>>,
    ) {
        let [a, b, c, d, e, f, g, h] = *block;
        // Written out: as a map over the pairs it is not inlined.
        let (first, second) = (self.kinds[pair(a, b)], self.kinds[pair(c, d)]);
        let (third, fourth) = (self.kinds[pair(e, f)], self.kinds[pair(g, h)]);
        if (first | second | third | fourth) & !OF_A_CARD != 0 {
            for (kind, at) in [first, second, third, fourth].into_iter().zip((at..).step_by(2)) {
                if kind & !OF_A_CARD != 0 {
                    self.mark_words(body, kind & !OF_A_CARD, at, marks);
                }
            }
        }
        if (first & second | third & fourth) & OF_A_CARD != 0 {
            for (both, half) in [(first & second, at), (third & fourth, at + BLOCK / 2)] {
                if both & OF_A_CARD != 0 && half >= *run_end {
                    *run_end = mark_run(body, half, marks);
                }
            }
        }
    }

    #[inline(never)]
    fn mark_words(&self, body: &[u8], kind: u8, at: usize, marks: &mut Vec<Range<usize>>) {
        if kind == WITH_AN_AT {
            let ats = [at, at + 1].into_iter().filter(|at| body.get(*at) == Some(&b'@'));
            let between = |at: &usize| is_graphic(body, at.wrapping_sub(1)) && is_graphic(body, at + 1);
            marks.extend(ats.filter(between).map(|at| at..at + 1));
            return;
        }
        for (word, place) in &self.groups[usize::from(kind)] {
            if let Some(start) = at.checked_sub(*place)
                && body[start..].starts_with(word)
            {
                marks.push(start..start + word.len());
            }
        }
    }
}

#[inline(always)]
fn pair(first: u8, second: u8) -> usize {
    usize::from(u16::from_le_bytes([first, second]))
}

fn is_graphic(body: &[u8], at: usize) -> bool {
    body.get(at).is_some_and(|byte| byte.is_ascii_graphic() || !byte.is_ascii())
}

/// Marks the run around this place if it is long enough, and returns its end. It may have begun in what stands before
/// the text: all of it is marked.
#[inline(never)]
fn mark_run(body: &[u8], at: usize, marks: &mut Vec<Range<usize>>) -> usize {
    let before = body[..at].iter().rev().take_while(|byte| may_be_of_a_card(**byte)).count();
    let behind = body[at..].iter().take_while(|byte| may_be_of_a_card(**byte)).count();
    let run = at - before..at + behind;
    if body[run.clone()].iter().filter(|byte| byte.is_ascii_digit()).count() >= CARD_MIN_DIGITS {
        marks.push(run.clone());
    }
    run.end
}

#[inline(always)]
fn may_be_of_a_card(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b' ' || byte == b'-'
}

fn merged(mut marks: Vec<Range<usize>>) -> Vec<Range<usize>> {
    marks.sort_unstable_by_key(|mark| mark.start);
    marks.dedup_by(|next, last| {
        let touches = next.start <= last.end;
        last.end = if touches { last.end.max(next.end) } else { last.end };
        touches
    });
    marks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::detect::SECRET_KEYS;
    use super::*;

    fn marks(body: &[u8]) -> usize {
        Anchors::default().marks(body).len()
    }

    #[test]
    fn a_number_is_seen_wherever_it_starts() {
        for shift in 0..30 {
            let body = [&vec![b'x'; shift][..], b"3714496353984", b"x"].concat();
            assert!(
                Anchors::default().marks(&body).into_iter().eq(std::iter::once(shift..shift + 13)),
                "shift {shift}"
            );
            let short = [&vec![b'x'; shift][..], b"371449635398", b"x"].concat();
            assert_eq!(marks(&short), 0, "shift {shift}");
        }
    }

    #[test]
    fn every_word_is_seen_wherever_it_starts() {
        let anchors = Anchors::default();
        for word in WORDS {
            for shift in 0..17 {
                let body = [&vec![b'.'; shift][..], word.as_bytes()].concat();
                let found = anchors.marks(&body);
                assert!(found.iter().any(|mark| mark.contains(&shift)), "{word} at {shift}: {found:?}");
            }
        }
    }

    #[test]
    fn every_key_of_a_secret_is_seen() {
        let headline = |key: &str| {
            let mut starts = true;
            let letters = key.chars().map(|letter| {
                let was_start = std::mem::replace(&mut starts, !letter.is_ascii_alphabetic());
                if was_start { letter.to_ascii_uppercase() } else { letter }
            });
            letters.collect::<String>()
        };
        for key in SECRET_KEYS {
            for written in [key.to_owned(), key.to_ascii_uppercase(), headline(key)] {
                assert!(marks(written.as_bytes()) > 0, "{written}");
            }
        }
    }

    #[test]
    fn what_is_usual_is_not_marked() {
        assert_eq!(marks(b"GET /cart/81723?page=2 HTTP/1.1 http://cart.shop:8080 \x40\x00"), 0);
        assert!(marks(b"postgres://u:p@h") > 0);
    }

    proptest! {
        /// The same as looking at every place.
        #[test]
        fn nothing_is_passed_over(body in "[0-9 \\-@a-z]{0,12}([0-9]{0,20}|[ey]{0,3}J|a@b|pwd|oken| ){0,9}") {
            let body = body.as_bytes();
            let found = Anchors::default().marks(body);
            let is_marked = |at: usize| found.iter().any(|mark| mark.contains(&at));
            for at in 0..body.len() {
                if WORDS.iter().any(|word| body[at..].starts_with(word.as_bytes())) {
                    prop_assert!(is_marked(at));
                }
                let digits = body[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                prop_assert!(digits < CARD_MIN_DIGITS || is_marked(at));
                let is_at = body[at] == b'@' && is_graphic(body, at.wrapping_sub(1)) && is_graphic(body, at + 1);
                prop_assert!(!is_at || is_marked(at));
            }
            prop_assert!(found.windows(2).all(|two| two[0].end < two[1].start));
        }
    }
}
