//! What stands inside braces: conditions and values.
//!
//! Tightest first: `^` (from the right), unary `-` and `!`, `* / %`, `+ -`, comparisons (one), `&&`, `||`.

use super::Parser;
use crate::SpanKind;
use crate::query::ast::*;
use crate::query::fields::{FieldName, Intrinsic};
use crate::query::lex::Tok;
use crate::query::{ByteRange, plain};

/// Where a broken operand ends.
const OPERAND_ENDS: [&str; 6] = ["&&", "||", "}", ")", "|", ","];
const WHAT_FITS: &str = "a field (name, duration, .user_id), a value (\"text\", 200, 1.5s) or a bracket";

impl Parser<'_> {
    /// A condition, where a text alone asks who mentions it.
    pub(super) fn condition(&mut self) -> Option<Expr> {
        self.or().map(as_condition)
    }

    /// A value: anything, nested as deep as brackets go.
    pub(super) fn value(&mut self) -> Option<Expr> {
        self.or()
    }

    fn or(&mut self) -> Option<Expr> {
        self.chain("||", Self::and, Expr::any)
    }

    fn and(&mut self) -> Option<Expr> {
        self.chain("&&", Self::comparison, Expr::all)
    }

    /// Operands that could not be read are left out.
    fn chain(
        &mut self,
        sign: &str,
        operand: fn(&mut Self) -> Option<Expr>,
        join: fn(Vec<Expr>) -> Option<Expr>,
    ) -> Option<Expr> {
        let first = operand(self);
        if !self.is_sign(sign) {
            return first;
        }
        let mut parts: Vec<Expr> = first.into_iter().map(as_condition).collect();
        while self.eat(sign) {
            parts.extend(operand(self).map(as_condition));
        }
        join(parts)
    }

    fn comparison(&mut self) -> Option<Expr> {
        let left = self.sum()?;
        if self.is_sign("==") {
            self.report(self.here(), "`==` is not an operator", "equality is written with one =");
            self.skip_to(&OPERAND_ENDS);
            return None;
        }
        let Some(op) = self.sign().and_then(CompareOp::of_sign) else { return Some(left) };
        self.advance();
        let right = self.sum()?;
        if self.sign().and_then(CompareOp::of_sign).is_some() {
            self.unexpected("a comparison has two sides; join two comparisons with &&");
            self.skip_to(&OPERAND_ENDS);
        }
        Some(Expr::compare(left, op, right))
    }

    fn sum(&mut self) -> Option<Expr> {
        self.left_chain(&["+", "-"], Self::product)
    }

    fn product(&mut self) -> Option<Expr> {
        self.left_chain(&["*", "/", "%"], Self::unary)
    }

    fn left_chain(&mut self, signs: &[&str], operand: fn(&mut Self) -> Option<Expr>) -> Option<Expr> {
        let mut left = operand(self)?;
        while let Some(sign) = self.sign().filter(|sign| signs.contains(sign)) {
            let op = ArithmeticOp::of_sign(sign)?;
            if !self.deepen() {
                return None;
            }
            self.advance();
            left = arithmetic(left, op, operand(self)?);
        }
        Some(left)
    }

    fn unary(&mut self) -> Option<Expr> {
        let start = self.here();
        let is_not = self.is_sign("!");
        if !is_not && !self.is_sign("-") {
            return self.power();
        }
        self.advance();
        if !self.deepen() {
            return None;
        }
        let operand = self.unary()?;
        let at = start.to(operand.at);
        let kind = match operand.kind {
            _ if is_not => ExprKind::Not(Box::new(as_condition(operand))),
            ExprKind::Literal(Literal::Int(n)) => ExprKind::Literal(Literal::Int(-n)),
            ExprKind::Literal(Literal::Float(n)) => ExprKind::Literal(Literal::Float(-n)),
            _ => ExprKind::Negative(Box::new(operand)),
        };
        Some(Expr::new(kind, at))
    }

    fn power(&mut self) -> Option<Expr> {
        let base = self.primary()?;
        if !self.is_sign("^") {
            return Some(base);
        }
        if !self.deepen() {
            return None;
        }
        self.advance();
        let exponent = self.unary()?;
        Some(arithmetic(base, ArithmeticOp::Pow, exponent))
    }

    fn primary(&mut self) -> Option<Expr> {
        let at = self.here();
        match self.peek().clone() {
            Tok::Attribute(field) => {
                self.advance();
                Some(Expr::new(ExprKind::Field(field), at))
            }
            Tok::Literal(literal) => {
                self.advance();
                Some(Expr::new(ExprKind::Literal(literal), at))
            }
            Tok::Word(word) => self.word(&word, at),
            Tok::Sign("(") => self.bracket(),
            _ => {
                self.unexpected(WHAT_FITS);
                self.skip_to(&OPERAND_ENDS);
                None
            }
        }
    }

    fn bracket(&mut self) -> Option<Expr> {
        self.advance();
        if !self.enter() {
            return None;
        }
        let inner = self.or();
        self.leave();
        if !self.expect(")", "close the bracket with )") {
            self.skip_to(&OPERAND_ENDS);
        }
        inner
    }

    fn word(&mut self, word: &str, at: ByteRange) -> Option<Expr> {
        if let Some(literal) = literal_of_word(word) {
            self.advance();
            return Some(Expr::new(ExprKind::Literal(literal), at));
        }
        let is_call = self.tokens.get(self.pos + 1).is_some_and(|t| t.tok == Tok::Sign("("));
        if is_call && word == "critical" {
            return self.critical(at);
        }
        if let (true, Some(function)) = (is_call, Aggregate::of_name(word)) {
            return self.aggregate(function, at);
        }
        if let Some(field) = self.field() {
            return Some(Expr::new(ExprKind::Field(field.name), at));
        }
        let (message, hint) = unknown_word(word);
        self.report(at, message, hint);
        self.skip_to(&OPERAND_ENDS);
        None
    }

    /// `critical(cart)` or `critical("load generator")`.
    fn critical(&mut self, start: ByteRange) -> Option<Expr> {
        self.advance();
        self.advance();
        let service = match self.peek().clone() {
            Tok::Literal(Literal::Str(service)) | Tok::Word(service) => service,
            _ => {
                self.unexpected("name a service: critical(\"cart\") > 200ms");
                self.skip_to(&OPERAND_ENDS);
                self.eat(")");
                return None;
            }
        };
        self.advance();
        if !self.expect(")", "close it with ), and quote a service with other signs in its name") {
            self.skip_to(&OPERAND_ENDS);
            self.eat(")");
        }
        Some(Expr::new(ExprKind::Critical(service), start.to(self.before())))
    }

    fn aggregate(&mut self, function: Aggregate, start: ByteRange) -> Option<Expr> {
        if !self.in_scalar {
            let hint = format!("put it behind the selection: {{ … }} | {}(…) > …", function.name());
            self.report(start, format!("{}() counts spans, it is not about one", function.name()), hint);
            self.skip_to(&OPERAND_ENDS);
            return None;
        }
        self.advance();
        self.advance();
        self.in_scalar = false;
        let of = if self.is_sign(")") { None } else { self.value() };
        self.in_scalar = true;
        if !self.expect(")", "close it with )") {
            self.skip_to(&OPERAND_ENDS);
            self.eat(")");
        }
        let kind = ExprKind::Aggregate { function, of: of.map(Box::new) };
        Some(Expr::new(kind, start.to(self.before())))
    }

    /// A field, if one comes next.
    pub(super) fn field(&mut self) -> Option<Field> {
        let name = match self.peek() {
            Tok::Attribute(name) => name.clone(),
            Tok::Word(word) => FieldName::Intrinsic(Intrinsic::of_name(word)?),
            _ => return None,
        };
        let at = self.advance().at;
        Some(Field { name, at })
    }

    /// The literal that comes next, if one does, without taking it.
    pub(super) fn literal_here(&self) -> Option<Literal> {
        match self.peek() {
            Tok::Literal(literal) => Some(literal.clone()),
            Tok::Word(word) => literal_of_word(word),
            _ => None,
        }
    }

    /// A literal, or a complaint.
    pub(super) fn literal(&mut self) -> Option<Literal> {
        let is_negative = self.eat("-");
        let literal = match (self.literal_here(), is_negative) {
            (literal, false) => literal,
            (Some(Literal::Int(n)), true) => Some(Literal::Int(-n)),
            (Some(Literal::Float(n)), true) => Some(Literal::Float(-n)),
            _ => None,
        };
        if literal.is_some() {
            self.advance();
        } else {
            self.unexpected("a value: 10, 0.5, 200ms, true or \"text\"");
        }
        literal
    }
}

/// A text where a condition is wanted asks for the spans that mention it.
fn as_condition(expr: Expr) -> Expr {
    match expr.kind {
        ExprKind::Literal(Literal::Str(text)) => Expr::new(ExprKind::Mentions(text), expr.at),
        _ => expr,
    }
}

fn arithmetic(left: Expr, op: ArithmeticOp, right: Expr) -> Expr {
    let at = left.at.to(right.at);
    Expr::new(ExprKind::Arithmetic { op, left: Box::new(left), right: Box::new(right) }, at)
}

pub(in crate::query) fn kind_of_word(word: &str) -> Option<SpanKind> {
    (0..6).map(SpanKind::from_number).find(|kind| kind.name() == word)
}

fn literal_of_word(word: &str) -> Option<Literal> {
    match word {
        "true" => Some(Literal::Bool(true)),
        "false" => Some(Literal::Bool(false)),
        "nil" => Some(Literal::Nil),
        _ => StatusWord::of_name(word).map(Literal::Status).or_else(|| kind_of_word(word).map(Literal::Kind)),
    }
}

fn unknown_word(word: &str) -> (String, String) {
    let lower = word.to_ascii_lowercase();
    if lower.starts_with("nestedset") {
        let hint = "ask for the shape with >, >> and ~ between selections".to_owned();
        return (format!("{word} is a detail of another store"), hint);
    }
    let near = Intrinsic::all().map(Intrinsic::name).find(|name| {
        let name = name.to_ascii_lowercase();
        name == lower || name.rsplit(':').next() == Some(lower.as_str())
    });
    let hint = match (plain::field_of_alias(word), near) {
        (_, Some(near)) => format!("did you mean {near}?"),
        (Some(field), None) => format!("did you mean {}?", crate::query::print_field(&field)),
        (None, None) => format!("an attribute has a dot before it: .{word}; a text has quotes"),
    };
    (format!("there is no field named {word}"), hint)
}
