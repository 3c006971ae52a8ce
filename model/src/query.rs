//! The query language: text to tree and back, what is wrong with a text, and what could come next in it.
//!
//! Pure, and the same in the browser's editor and on the server. It knows nothing of storage: a planner turns the
//! tree into SQL. `docs/query-language.md` describes the language to its users.
//!
//! Two ways of writing give one tree. A text whose first character, behind spaces and opening brackets, is `{` is
//! TraceQL; everything else is the plain form: words and `key=value`.

use std::fmt;

pub mod ast;
mod check;
pub mod complete;
pub mod edit;
pub mod fields;
mod ink;
mod lex;
mod parse;
mod plain;
mod print;

pub use ast::{Form, Query};
pub use ink::{Ink, Inked, Segment, ink, segments};
pub use plain::bare_value;
pub use print::{print, print_expr, print_field, print_traceql};

/// A query longer than this is refused before it is looked at.
pub const MAX_BYTES: usize = 16 * 1024;
/// How deep brackets and operators may nest: the tree is walked recursively, in the browser on a small stack.
pub const MAX_DEPTH: usize = 48;
/// Problems told at once; the rest would only be their echo.
pub const MAX_PROBLEMS: usize = 20;

/// Where in the text something stands, in bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ByteRange {
    pub start: usize,
    pub end: usize,
}

/// What is wrong, where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub at: ByteRange,
    pub message: String,
    pub hint: String,
}

/// A text as far as it could be understood. What could not be is left out of the tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspected {
    pub query: Query,
    pub problems: Vec<Problem>,
}

/// The tree of a text that is right in grammar and types. Problems are in the order of the text; there is at least one.
pub fn read(text: &str) -> Result<Query, Vec<Problem>> {
    let inspected = inspect(text);
    if inspected.problems.is_empty() { Ok(inspected.query) } else { Err(inspected.problems) }
}

/// As much of a text as can be understood, and everything that is wrong with it.
pub fn inspect(text: &str) -> Inspected {
    if text.len() > MAX_BYTES {
        let problem = Problem::new(
            ByteRange::new(MAX_BYTES, text.len()),
            format!("a query may have {MAX_BYTES} bytes, this one has {}", text.len()),
            "ask for less at once",
        );
        return Inspected { query: Query::everything(), problems: vec![problem] };
    }
    let mut problems = Vec::new();
    let query = match form_of(text) {
        Form::TraceQl => parse::parse(text, &mut problems),
        Form::Plain => plain::parse(text, &mut problems),
    };
    check::check(&query, &mut problems);
    crate::order::sort_by(&mut problems, |problem| (problem.at.start as u64, problem.at.end as u64));
    problems.truncate(MAX_PROBLEMS);
    Inspected { query, problems }
}

/// Which way a text is written.
pub fn form_of(text: &str) -> Form {
    let first = text.trim_start_matches(|c: char| c.is_whitespace() || c == '(').chars().next();
    if first == Some('{') { Form::TraceQl } else { Form::Plain }
}

impl ByteRange {
    pub fn new(start: usize, end: usize) -> ByteRange {
        ByteRange { start, end }
    }

    /// From the start of this to the end of that.
    pub fn to(self, last: ByteRange) -> ByteRange {
        ByteRange { start: self.start, end: last.end }
    }
}

impl fmt::Debug for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

impl Problem {
    pub fn new(at: ByteRange, message: impl Into<String>, hint: impl Into<String>) -> Problem {
        Problem { at, message: message.into(), hint: hint.into() }
    }
}

#[cfg(test)]
mod tests;
