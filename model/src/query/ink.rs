//! What each part of a text is, for an editor to colour. Text that is wrong is coloured as far as it can be told.

use crate::order::sort_by;
use crate::query::ast::{Form, Literal, StatusWord};
use crate::query::fields::Intrinsic;
use crate::query::lex::{Tok, lex};
use crate::query::parse::kind_of_word;
use crate::query::{ByteRange, Problem, form_of, plain};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ink {
    /// A word of the plain form.
    Word,
    Field,
    Attribute,
    Text,
    Number,
    /// `error`, `server`, `true`, `nil`.
    Constant,
    Function,
    Operator,
    Keyword,
    Bracket,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inked {
    pub at: ByteRange,
    pub ink: Ink,
}

/// The parts of a text in order, without the spaces between them.
pub fn ink(text: &str) -> Vec<Inked> {
    let mut inked = Vec::new();
    let from = match form_of(text) {
        Form::TraceQl => 0,
        Form::Plain => plain::parse_words(text, &mut Vec::new(), &mut inked).1,
    };
    let tokens = lex(text, from, &mut Vec::new());
    for (i, token) in tokens.iter().enumerate() {
        let is_call = tokens.get(i + 1).is_some_and(|next| next.tok == Tok::Sign("("));
        let ink = match &token.tok {
            Tok::End => continue,
            Tok::Word(word) => ink_of_word(word, is_call),
            Tok::Attribute(_) => Ink::Attribute,
            Tok::Literal(Literal::Str(_)) => Ink::Text,
            Tok::Literal(_) => Ink::Number,
            Tok::Sign("{" | "}" | "(" | ")" | "|" | ",") => Ink::Bracket,
            Tok::Sign(_) => Ink::Operator,
        };
        inked.push(Inked { at: token.at, ink });
    }
    inked
}

fn ink_of_word(word: &str, is_call: bool) -> Ink {
    match word {
        _ if is_call => Ink::Function,
        "true" | "false" | "nil" => Ink::Constant,
        _ if StatusWord::of_name(word).is_some() || kind_of_word(word).is_some() => Ink::Constant,
        _ if Intrinsic::of_name(word).is_some() => Ink::Field,
        _ => Ink::Word,
    }
}

/// A piece of a text that looks the same throughout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    pub at: ByteRange,
    /// None between the parts.
    pub ink: Option<Ink>,
    /// A problem is about it.
    pub is_wrong: bool,
}

/// The whole text in segments. What is wrong at its very end has an empty segment there.
pub fn segments(text: &str, problems: &[Problem]) -> Vec<Segment> {
    let inked = ink(text);
    let edges = inked.iter().map(|part| part.at).chain(problems.iter().map(|problem| problem.at));
    let mut cuts: Vec<usize> = edges.flat_map(|at| [at.start, at.end]).chain([0, text.len()]).collect();
    sort_by(&mut cuts, |at| (*at as u64, 0));
    cuts.dedup();
    let is_wrong = |start: usize, end: usize| {
        problems.iter().any(|problem| {
            problem.at.start < end.max(start + 1) && start < problem.at.end.max(problem.at.start + 1)
        })
    };
    let mut segments: Vec<Segment> = cuts
        .windows(2)
        .map(|cut| {
            let at = ByteRange::new(cut[0], cut[1]);
            let part = inked.iter().find(|part| part.at.start <= at.start && at.end <= part.at.end);
            Segment { at, ink: part.map(|part| part.ink), is_wrong: is_wrong(at.start, at.end) }
        })
        .collect();
    if problems.iter().any(|problem| problem.at.start >= text.len()) {
        segments.push(Segment { at: ByteRange::new(text.len(), text.len()), ink: None, is_wrong: true });
    }
    segments
}
