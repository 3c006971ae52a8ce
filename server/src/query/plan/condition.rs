//! Exactly which spans satisfy a condition: its SQL over `spans AS s`, never NULL, and the joins that takes.
//!
//! A comparison holds when both sides have a value of the same kind and it compares so; where one is missing or of
//! another kind it does not hold, `!=` included. Of events and links any one will do.

use model::ApiError;
use model::query::ast::{ArithmeticOp, CompareOp, Expr, ExprKind, Literal};
use model::query::fields::{AttributeScope, FieldName, Intrinsic, SERVICE_KEY};

use super::Binds;
use super::narrow::mirrored;
use super::value::{self, EVENT, LINK, Parts};

/// What a statement has to join to the spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    pub origin: bool,
    pub parent: bool,
    pub parent_origin: bool,
    /// Facts of the trace as a whole.
    pub trace: bool,
    /// What only an analysis of the whole trace tells.
    pub analysis: bool,
}

/// Conditions of one statement.
#[derive(Debug, Default)]
pub struct Conditions {
    pub binds: Binds,
    pub needs: Needs,
    /// Services whose share of the critical path is asked for, by the number of their column.
    pub critical: Vec<String>,
}

/// What a comparison runs over beside the span.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Over {
    events: bool,
    links: bool,
}

impl Conditions {
    pub fn new() -> Conditions {
        Conditions { binds: Binds::new("p"), ..Conditions::default() }
    }

    /// 1 for the spans that satisfy the condition, 0 for all others.
    pub fn boolean(&mut self, expr: &Expr) -> Result<String, ApiError> {
        match &expr.kind {
            ExprKind::And(parts) => self.joined(parts, " AND "),
            ExprKind::Or(parts) => self.joined(parts, " OR "),
            ExprKind::Not(inner) => Ok(format!("NOT {}", self.boolean(inner)?)),
            ExprKind::Compare { op, left, right } => self.compare(*op, left, right),
            ExprKind::Mentions(text) => {
                let text = self.binds.text(text);
                let mentions =
                    |column| format!("positionCaseInsensitiveUTF8(toString(s.{column}), {text}) > 0");
                Ok(format!("({} OR {})", mentions("service"), mentions("operation")))
            }
            ExprKind::Field(_) | ExprKind::Literal(_) => {
                let over = over(expr);
                let parts = self.parts(expr, None)?;
                let flag = parts.bool.ok_or_else(|| not_a_condition(expr))?;
                Ok(any_of(over, format!("ifNull({flag} = 1, 0)")))
            }
            _ => Err(not_a_condition(expr)),
        }
    }

    /// A number for each span; NULL where it has none.
    pub fn number(&mut self, expr: &Expr) -> Result<String, ApiError> {
        if over(expr) != Over::default() {
            return Err(at(expr, "events and links cannot be summed up", "sum up an attribute of the span"));
        }
        let number = self.parts(expr, None)?.number();
        number.ok_or_else(|| at(expr, "this is not a number", "for example duration or an attribute"))
    }

    /// The tagged text of a field for each span; of events and links, that of the first that has it.
    pub fn shown(&mut self, field: &FieldName) -> String {
        self.note(field);
        let text = match field {
            FieldName::Intrinsic(Intrinsic::Status) => "['unset', 'ok', 'error'][s.status + 1]".to_owned(),
            FieldName::Intrinsic(Intrinsic::Kind) => {
                "['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'][s.kind + 1]"
                    .to_owned()
            }
            FieldName::Intrinsic(Intrinsic::SpanId) => "lower(leftPad(hex(s.span_id), 16, '0'))".to_owned(),
            FieldName::Intrinsic(Intrinsic::ParentId) => {
                "lower(leftPad(hex(s.parent_id), 16, '0'))".to_owned()
            }
            FieldName::Intrinsic(Intrinsic::TraceId) => "lower(hex(s.trace_id))".to_owned(),
            FieldName::Intrinsic(Intrinsic::LinkTraceId) => format!("lower(hex({}))", LINK[0]),
            FieldName::Intrinsic(Intrinsic::LinkSpanId) => {
                format!("lower(leftPad(hex({}), 16, '0'))", LINK[1])
            }
            FieldName::Intrinsic(Intrinsic::TraceStatus) => {
                "multiIf(t.errors > 0, 'error', t.orphans > 0 OR t.roots = 0, 'partial', 'ok')".to_owned()
            }
            other => value::field(other, &mut self.binds).tagged(),
        };
        let Some(of) = over_field(field).lists() else { return text };
        let all = format!("arrayMap({})", lambda(of, &text));
        format!("coalesce(arrayFirstOrNull(x -> x != '\\0{{}}', {all}), '\\0{{}}')")
    }

    fn joined(&mut self, parts: &[Expr], with: &str) -> Result<String, ApiError> {
        let all = parts.iter().map(|part| self.boolean(part)).collect::<Result<Vec<_>, _>>()?;
        Ok(format!("({})", all.join(with)))
    }

    fn compare(&mut self, op: CompareOp, left: &Expr, right: &Expr) -> Result<String, ApiError> {
        let over = Over {
            events: over(left).events || over(right).events,
            links: over(left).links || over(right).links,
        };
        if over.events && over.links {
            return Err(at(left, "events cannot be compared with links", "compare each with a value"));
        }
        let (field, literal, holds) = match left.kind {
            ExprKind::Literal(_) if !op.is_pattern() => (right, left, mirrored(op)),
            _ => (left, right, op),
        };
        if let Some(sql) = self.of_origin(holds, field, literal) {
            return Ok(sql);
        }
        let is_nil = |side: &Expr| matches!(side.kind, ExprKind::Literal(Literal::Nil));
        if is_nil(left) || is_nil(right) {
            let field = if is_nil(left) { right } else { left };
            let exists = self.parts(field, None)?.exists.unwrap_or_else(|| "1".to_owned());
            let any = any_of(over, exists);
            return Ok(if op == CompareOp::Eq { format!("NOT {any}") } else { any });
        }
        let l = self.parts(left, intrinsic(right))?;
        let holds = match op.is_pattern() {
            true => self.matches(op, &l, right),
            false => compared(op, &l, &self.parts(right, intrinsic(left))?),
        };
        Ok(any_of(over, holds))
    }

    /// A comparison of what origins have with a literal: it is made once for each origin and looked up for each span,
    /// which takes no join.
    fn of_origin(&mut self, op: CompareOp, left: &Expr, right: &Expr) -> Option<String> {
        let (ExprKind::Field(field), ExprKind::Literal(literal)) = (&left.kind, &right.kind) else {
            return None;
        };
        let (origin, own) = value::of_origin(field, &mut self.binds)?;
        let is_nil = *literal == Literal::Nil;
        let right_parts = value::literal(literal, intrinsic(left), &mut self.binds);
        let mut holds = |parts: &Parts| match (is_nil, op.is_pattern()) {
            (true, _) => parts.exists.clone().unwrap_or_else(|| "1".to_owned()),
            (_, true) => self.matches(op, parts, right),
            (_, false) => compared(op, parts, &right_parts),
        };
        let of_origin = format!(
            "s.origin IN (SELECT id FROM origins AS o WHERE tenant = {{tenant:String}} AND {})",
            holds(&origin)
        );
        let sql = match own {
            Some(own) => {
                let exists = own.exists.clone().unwrap_or_else(|| "1".to_owned());
                format!("if({exists}, {}, {of_origin})", holds(&own))
            }
            None => of_origin,
        };
        Some(if is_nil && op == CompareOp::Eq { format!("NOT {sql}") } else { sql })
    }

    fn matches(&mut self, op: CompareOp, left: &Parts, pattern: &Expr) -> String {
        let ExprKind::Literal(Literal::Str(pattern)) = &pattern.kind else { return "0".to_owned() };
        let pattern = self.binds.text(&whole(pattern));
        let Some(text) = &left.text else { return "0".to_owned() };
        let not = if op == CompareOp::MatchesNot { "NOT " } else { "" };
        format!("ifNull({not}match({text}, {pattern}), 0)")
    }

    fn parts(&mut self, expr: &Expr, beside: Option<Intrinsic>) -> Result<Parts, ApiError> {
        match &expr.kind {
            ExprKind::Field(field) => {
                self.note(field);
                Ok(value::field(field, &mut self.binds))
            }
            ExprKind::Literal(literal) => Ok(value::literal(literal, beside, &mut self.binds)),
            ExprKind::Negative(inner) => {
                let number = self.parts(inner, None)?.number().ok_or_else(|| not_a_condition(expr))?;
                Ok(Parts { float: Some(format!("(-{number})")), ..Parts::default() })
            }
            ExprKind::Arithmetic { op, left, right } => {
                let (l, r) = (self.parts(left, None)?.number(), self.parts(right, None)?.number());
                let (Some(l), Some(r)) = (l, r) else { return Err(not_a_condition(expr)) };
                Ok(Parts { float: Some(arithmetic(*op, &l, &r)), ..Parts::default() })
            }
            ExprKind::Critical(service) => {
                self.needs.analysis = true;
                let known = self.critical.iter().position(|known| known == service);
                let column = known.unwrap_or_else(|| {
                    self.critical.push(service.clone());
                    self.critical.len() - 1
                });
                Ok(Parts { int: Some(format!("toInt64(a.critical_{column})")), ..Parts::default() })
            }
            _ => {
                let flag = self.boolean(expr)?;
                Ok(Parts { bool: Some(flag), ..Parts::default() })
            }
        }
    }

    fn note(&mut self, field: &FieldName) {
        match field {
            FieldName::Intrinsic(Intrinsic::InstrumentationName | Intrinsic::InstrumentationVersion) => {
                self.needs.origin = true;
            }
            FieldName::Intrinsic(intrinsic)
                if intrinsic.is_of_trace() && *intrinsic != Intrinsic::TraceId =>
            {
                match intrinsic {
                    Intrinsic::TraceDepth | Intrinsic::OrphanCause => self.needs.analysis = true,
                    _ => self.needs.trace = true,
                }
            }
            FieldName::Intrinsic(_) => {}
            FieldName::Attribute { scope, of_parent, key } => {
                let is_service = key == SERVICE_KEY;
                let of_origin = match scope {
                    AttributeScope::Any | AttributeScope::Resource => !is_service,
                    AttributeScope::Instrumentation => true,
                    _ => false,
                };
                self.needs.parent |= *of_parent;
                self.needs.parent_origin |= *of_parent && of_origin;
                self.needs.origin |= !*of_parent && of_origin;
            }
        }
    }
}

/// A pattern that only the whole value can match.
pub fn whole(pattern: &str) -> String {
    format!("\\A(?s:{pattern})\\z")
}

fn compared(op: CompareOp, left: &Parts, right: &Parts) -> String {
    let sign = if op == CompareOp::NotEq { "!=" } else { op.sign() };
    let mut pairs = Vec::new();
    let mut pair = |l: &Option<String>, r: &Option<String>, as_float: bool| {
        if let (Some(l), Some(r)) = (l, r) {
            pairs.push(match as_float {
                true => format!("ifNull(toFloat64({l}) {sign} toFloat64({r}), 0)"),
                false => format!("ifNull({l} {sign} {r}, 0)"),
            });
        }
    };
    pair(&left.text, &right.text, false);
    pair(&left.int, &right.int, false);
    pair(&left.int, &right.float, true);
    pair(&left.float, &right.int, true);
    pair(&left.float, &right.float, false);
    pair(&left.bool, &right.bool, false);
    pair(&left.code, &right.code, false);
    if pairs.is_empty() { "0".to_owned() } else { format!("({})", pairs.join(" OR ")) }
}

fn arithmetic(op: ArithmeticOp, left: &str, right: &str) -> String {
    match op {
        ArithmeticOp::Pow => format!("pow({left}, {right})"),
        ArithmeticOp::Mod => format!("if({right} = 0, nan, {left} - {right} * trunc({left} / {right}))"),
        other => format!("({left} {} {right})", other.sign()),
    }
}

fn intrinsic(expr: &Expr) -> Option<Intrinsic> {
    match &expr.kind {
        ExprKind::Field(FieldName::Intrinsic(intrinsic)) => Some(*intrinsic),
        _ => None,
    }
}

fn over(expr: &Expr) -> Over {
    let both = |a: &Expr, b: &Expr| {
        let (a, b) = (over(a), over(b));
        Over { events: a.events || b.events, links: a.links || b.links }
    };
    match &expr.kind {
        ExprKind::Field(field) => over_field(field),
        ExprKind::Negative(inner) => over(inner),
        ExprKind::Arithmetic { left, right, .. } => both(left, right),
        _ => Over::default(),
    }
}

fn over_field(field: &FieldName) -> Over {
    match field {
        FieldName::Intrinsic(Intrinsic::EventName | Intrinsic::EventTimeSinceStart)
        | FieldName::Attribute { scope: AttributeScope::Event, .. } => Over { events: true, links: false },
        FieldName::Intrinsic(Intrinsic::LinkTraceId | Intrinsic::LinkSpanId)
        | FieldName::Attribute { scope: AttributeScope::Link, .. } => Over { events: false, links: true },
        _ => Over::default(),
    }
}

/// Names in a lambda, with the columns they stand for.
type Lists = [(&'static str, &'static str); 3];

const EVENTS: Lists =
    [(EVENT[0], "s.`events.name`"), (EVENT[1], "s.`events.attrs`"), (EVENT[2], "s.`events.time`")];
const LINKS: Lists =
    [(LINK[0], "s.`links.trace_id`"), (LINK[1], "s.`links.span_id`"), (LINK[2], "s.`links.attrs`")];

impl Over {
    fn lists(self) -> Option<Lists> {
        match self {
            Over { events: true, .. } => Some(EVENTS),
            Over { links: true, .. } => Some(LINKS),
            _ => None,
        }
    }
}

/// A lambda and the columns it is given: no more than it is about, as each is read. Values are bound, so that every name
/// in the text is one of ours.
fn lambda(of: Lists, text: &str) -> String {
    let mut read: Vec<(&str, &str)> = of.into_iter().filter(|(name, _)| text.contains(name)).collect();
    if read.is_empty() {
        read.push(of[0]);
    }
    let (names, columns): (Vec<&str>, Vec<&str>) = read.into_iter().unzip();
    format!("({}) -> {text}, {}", names.join(", "), columns.join(", "))
}

/// Whether it holds for any event or link, when it is about those.
fn any_of(over: Over, holds: String) -> String {
    match over.lists() {
        Some(of) => format!("arrayExists({})", lambda(of, &holds)),
        None => holds,
    }
}

fn at(expr: &Expr, message: &str, hint: &str) -> ApiError {
    ApiError::bad_request(message, hint).at(expr.at.start, expr.at.end)
}

fn not_a_condition(expr: &Expr) -> ApiError {
    at(expr, "this is not a condition", "compare it with something: duration > 1s")
}
