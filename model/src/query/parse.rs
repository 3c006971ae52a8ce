//! TraceQL's grammar: spansets, pipelines and metrics. What stands inside braces is in `parse/expr.rs`.
//!
//! ```text
//! query    = pipeline [ "|" metric ] [ "with" "(" name "=" value, … ")" ]
//! pipeline = spansets { "|" stage }
//! spansets = structural { ("&&" | "||") structural }          "&&" binds tighter
//! structural = spanset { (">" | ">>" | "!>" | "&>" | …) spanset }
//! spanset  = "{" [ condition ] "}" | "(" pipeline ")"
//! stage    = spansets | aggregate comparison | by(…) | select(…) | coalesce()
//! metric   = rate() | count_over_time() | min_over_time(x) | … [ by(…) ] { comparison | "|" topk(n) | "|" bottomk(n) }
//! ```

use crate::query::ast::*;
use crate::query::lex::{Tok, Token, lex};
use crate::query::{ByteRange, MAX_DEPTH, Problem};

mod expr;

mod metric;

pub(super) use expr::kind_of_word;
pub(super) use metric::METRICS;

/// Operators that make the tree deeper, in one query. Chains of `&&` and `||` in a condition do not.
const MAX_OPERATORS: usize = 128;

pub(super) fn parse(text: &str, problems: &mut Vec<Problem>) -> Query {
    let mut parser = Parser::new(text, 0, problems);
    let spans = parser.spansets();
    let pipeline =
        Pipeline { spans: spans.unwrap_or_else(|| Query::everything().pipeline.spans), stages: Vec::new() };
    let mut query = Query { form: Form::TraceQl, pipeline, metric: None, hints: Vec::new() };
    parser.tail(&mut query);
    query
}

/// What stands behind the first `|` of a plain query.
pub(super) fn parse_tail(text: &str, from: usize, query: &mut Query, problems: &mut Vec<Problem>) {
    Parser::new(text, from, problems).tail(query);
}

struct Parser<'a> {
    tokens: Vec<Token>,
    pos: usize,
    depth: usize,
    operators: usize,
    /// Aggregates are allowed: we are in a stage's comparison.
    in_scalar: bool,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Parser<'a> {
    fn new(text: &str, from: usize, problems: &'a mut Vec<Problem>) -> Parser<'a> {
        let tokens = lex(text, from, problems);
        Parser { tokens, pos: 0, depth: 0, operators: 0, in_scalar: false, problems }
    }

    fn peek(&self) -> &Tok {
        &self.tokens[self.pos].tok
    }

    /// Where the next token stands.
    fn here(&self) -> ByteRange {
        self.tokens[self.pos].at
    }

    /// Where the token before it stands.
    fn before(&self) -> ByteRange {
        self.tokens[self.pos.saturating_sub(1)].at
    }

    /// Never goes past the end.
    fn advance(&mut self) -> Token {
        let token = self.tokens[self.pos].clone();
        if self.pos + 1 < self.tokens.len() {
            self.pos += 1;
        }
        token
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Tok::Sign(s) if *s == sign)
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        if found {
            self.advance();
        }
        found
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Tok::Word(w) if w == word)
    }

    /// The sign next to come, if any.
    fn sign(&self) -> Option<&'static str> {
        match self.peek() {
            Tok::Sign(sign) => Some(sign),
            _ => None,
        }
    }

    fn report(&mut self, at: ByteRange, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(Problem::new(at, message, hint));
    }

    /// Complains about the next token.
    fn unexpected(&mut self, hint: &str) {
        let what = match self.peek() {
            Tok::End => "the query ends too early".to_owned(),
            Tok::Sign(sign) => format!("`{sign}` does not fit here"),
            Tok::Word(word) => format!("`{word}` does not fit here"),
            Tok::Attribute(_) | Tok::Literal(_) => "this does not fit here".to_owned(),
        };
        self.report(self.here(), what, hint);
    }

    /// Goes on to the next of these signs that is not inside brackets opened on the way, or to the end.
    fn skip_to(&mut self, signs: &[&str]) {
        let mut open = 0usize;
        while *self.peek() != Tok::End {
            if let Some(sign) = self.sign() {
                if open == 0 && signs.contains(&sign) {
                    return;
                }
                match sign {
                    "(" | "{" => open += 1,
                    ")" | "}" => open = open.saturating_sub(1),
                    _ => {}
                }
            }
            self.advance();
        }
    }

    fn expect(&mut self, sign: &str, hint: &str) -> bool {
        let found = self.eat(sign);
        if !found {
            self.unexpected(hint);
        }
        found
    }

    /// Gives up on the rest, once, when nesting goes too deep.
    fn too_deep(&mut self) {
        self.report(self.here(), "brackets and operators nest too deeply", "split the query");
        self.pos = self.tokens.len() - 1;
    }

    fn enter(&mut self) -> bool {
        self.depth += 1;
        let fits = self.depth <= MAX_DEPTH;
        if !fits {
            self.too_deep();
        }
        fits
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Counts an operator that makes the tree one deeper.
    fn deepen(&mut self) -> bool {
        self.operators += 1;
        if self.operators == MAX_OPERATORS + 1 {
            self.too_deep();
        }
        self.operators <= MAX_OPERATORS
    }

    // Spansets ------------------------------------------------------------------------------------------------

    fn spansets(&mut self) -> Option<Spanset> {
        self.spansets_of(0)
    }

    /// Levels, loosest first: `||`, `&&`, structural.
    fn spansets_of(&mut self, level: usize) -> Option<Spanset> {
        let next = |parser: &mut Self| {
            if level == 2 { parser.spanset() } else { parser.spansets_of(level + 1) }
        };
        let mut left = next(self);
        while let Some(op) = self.sign().and_then(SpansetOp::of_sign) {
            let is_ours = match op {
                SpansetOp::Or => level == 0,
                SpansetOp::And => level == 1,
                SpansetOp::Structural(..) => level == 2,
            };
            if !is_ours || !self.deepen() {
                break;
            }
            self.advance();
            left = match (left, next(self)) {
                (Some(left), Some(right)) => {
                    let at = left.at.to(right.at);
                    let kind = SpansetKind::Binary { op, left: Box::new(left), right: Box::new(right) };
                    Some(Spanset { kind, at })
                }
                (left, right) => left.or(right),
            };
        }
        left
    }

    fn spanset(&mut self) -> Option<Spanset> {
        let start = self.here();
        if self.eat("{") {
            return Some(self.filter(start));
        }
        if !self.is_sign("(") {
            self.unexpected("a selection of spans stands in braces: { status = error }");
            self.skip_to(&["|", "&&", "||", ")"]);
            return None;
        }
        self.advance();
        if !self.enter() {
            return None;
        }
        let spans = self.spansets();
        let inner = self.bracketed_pipeline(spans);
        self.leave();
        if !self.expect(")", "close the bracket with )") {
            self.skip_to(&[")", "|"]);
            self.eat(")");
        }
        let at = start.to(self.before());
        inner.map(|pipeline| match pipeline.stages.is_empty() {
            true => pipeline.spans,
            false => Spanset { kind: SpansetKind::Pipeline(Box::new(pipeline)), at },
        })
    }

    fn bracketed_pipeline(&mut self, spans: Option<Spanset>) -> Option<Pipeline> {
        let mut stages = Vec::new();
        while self.eat("|") {
            if self.is_metric() {
                self.unexpected("metrics stand at the end of a query, outside brackets");
                self.skip_to(&[")"]);
                break;
            }
            stages.extend(self.stage());
        }
        Some(Pipeline { spans: spans?, stages })
    }

    /// Behind the opening brace.
    fn filter(&mut self, start: ByteRange) -> Spanset {
        let condition = if self.is_sign("}") { None } else { self.condition() };
        if !self.eat("}") {
            if *self.peek() == Tok::End {
                self.report(self.here(), "the selection has no end", "close it with }");
            } else {
                self.unexpected("conditions are joined by && or ||, and the selection ends with }");
                self.skip_to(&["}"]);
                self.eat("}");
            }
        }
        Spanset { kind: SpansetKind::Filter(condition), at: start.to(self.before()) }
    }

    // Pipeline ------------------------------------------------------------------------------------------------

    fn tail(&mut self, query: &mut Query) {
        loop {
            if self.eat("|") {
                self.piped(query);
            } else if self.is_word("with") {
                query.hints = self.hints();
            } else if *self.peek() == Tok::End {
                return;
            } else {
                self.unexpected("stages are joined by |, selections by && or ||");
                self.skip_to(&["|"]);
            }
        }
    }

    fn piped(&mut self, query: &mut Query) {
        if let Some(metric) = &mut query.metric {
            let stage = self.series_stage();
            metric.then.extend(stage);
            metric.at = metric.at.to(self.before());
        } else if self.is_metric() {
            query.metric = self.metric();
        } else {
            query.pipeline.stages.extend(self.stage());
        }
    }

    fn stage(&mut self) -> Option<Stage> {
        let start = self.here();
        let first_inside = self.tokens[self.pos..].iter().find(|t| t.tok != Tok::Sign("("));
        let kind = if first_inside.is_some_and(|t| t.tok == Tok::Sign("{")) {
            self.spansets().map(StageKind::Spans)
        } else if self.is_word("by") {
            self.field_list().map(StageKind::By)
        } else if self.is_word("select") {
            self.field_list().map(StageKind::Select)
        } else if self.is_word("coalesce") {
            self.advance();
            self.empty_call().then_some(StageKind::Coalesce)
        } else {
            self.in_scalar = true;
            let comparison = self.condition();
            self.in_scalar = false;
            comparison.map(StageKind::Where)
        };
        if kind.is_none() {
            self.skip_to(&["|", ")"]);
        }
        kind.map(|kind| Stage { kind, at: start.to(self.before()) })
    }

    /// `by(a, b)` and `select(a, b)`, the word included.
    fn field_list(&mut self) -> Option<Vec<Field>> {
        self.advance();
        if !self.expect("(", "fields stand in brackets: (resource.service.name, name)") {
            return None;
        }
        let mut fields = Vec::new();
        loop {
            match self.field() {
                Some(field) => fields.push(field),
                None => {
                    self.unexpected("a field, such as resource.service.name, .user_id or name");
                    self.skip_to(&[")", ","]);
                }
            }
            if !self.eat(",") {
                break;
            }
        }
        self.expect(")", "close the list with )").then_some(fields)
    }

    fn empty_call(&mut self) -> bool {
        self.expect("(", "it is called with empty brackets: ()")
            && self.expect(")", "nothing stands in its brackets")
    }

    /// `with(name=value, …)`.
    fn hints(&mut self) -> Vec<Hint> {
        self.advance();
        let mut hints = Vec::new();
        if !self.expect("(", "hints stand in brackets: with(most_recent=true)") {
            return hints;
        }
        loop {
            let start = self.here();
            let Tok::Word(name) = self.advance().tok else {
                self.report(start, "a hint starts with its name", "with(most_recent=true)");
                self.skip_to(&[")", "|"]);
                break;
            };
            let value = self.expect("=", "a hint is name=value").then(|| self.literal()).flatten();
            match value {
                Some(value) => hints.push(Hint { name, value, at: start.to(self.before()) }),
                None => self.skip_to(&[")", "|", ","]),
            }
            if !self.eat(",") {
                break;
            }
        }
        self.expect(")", "close the hints with )");
        hints
    }
}
