//! Which pieces may hold spans that satisfy a condition: SQL over `pieces`, an upper bound of the truth.
//!
//! It may let through too much and never too little. None stands for "any piece may". What is said of one and the same
//! span about its service, operation, failure and duration is asked of one and the same group.

use model::Nanos;
use model::hist::bucket_of;
use model::query::ast::{
    CompareOp, Expr, ExprKind, Literal, Pipeline, Polarity, Spanset, SpansetKind, SpansetOp, StageKind,
    StatusWord,
};
use model::query::fields::{AttributeScope, FieldName, Intrinsic, SERVICE_KEY};
use model::{SpanId, TraceId};

use super::Binds;
use super::condition::whole;
use crate::limits::NARROW_ORIGINS_MAX;
use crate::query::NUMBER;
use crate::storage::token::{self, Fact, Key, Owner};

#[derive(Debug)]
pub struct Narrow {
    pub binds: Binds,
}

/// A condition on pieces, and how few it is likely to let through: the smaller, the fewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    pub sql: String,
    /// What a single group must be like, when that is all.
    pub group: Option<OfGroup>,
    rank: u8,
    is_precise: bool,
}

impl Hint {
    /// Failures are not: there are some among any thousand spans.
    pub fn is_rare(&self) -> bool {
        self.rank == BY_TOKEN
    }

    /// Whether nearly all pieces it lets through belong to traces that match.
    pub fn is_precise(&self) -> bool {
        self.is_precise
    }

    /// Whether it asks for nothing but values of which pieces have a token.
    pub fn is_of_tokens(&self) -> bool {
        self.is_precise && self.rank == BY_TOKEN
    }
}

const BY_TOKEN: u8 = 0;
const BY_ERROR: u8 = 1;
const BY_OPERATION: u8 = 2;
const BY_SERVICE: u8 = 3;
const BY_SCAN: u8 = 4;

/// The columns of groups that conditions are about: service, operation, longest span, whether one failed; each with its
/// name in conditions.
pub const GROUP: [(&str, &str); 4] =
    [("s", "groups.service"), ("o", "groups.operation"), ("l", "groups.longest"), ("f", "groups.failed")];

/// A condition on a group, and the names of the columns it is about: no others are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfGroup {
    pub sql: String,
    pub names: Vec<&'static str>,
}

/// What a group must be like.
#[derive(Default)]
struct Group {
    conditions: Vec<(&'static [&'static str], String)>,
    is_error: bool,
    services: Vec<String>,
    operations: Vec<String>,
}

impl Default for Narrow {
    fn default() -> Self {
        Narrow { binds: Binds::new("n") }
    }
}

impl Narrow {
    pub fn pipeline(&mut self, pipeline: &Pipeline) -> Option<Hint> {
        let further = pipeline.stages.iter().filter_map(|stage| match &stage.kind {
            StageKind::Spans(spans) => Some(spans),
            _ => None,
        });
        let all: Vec<&Spanset> = std::iter::once(&pipeline.spans).chain(further).collect();
        rarest(all.into_iter().map(|spans| self.spanset(spans)).collect())
    }

    fn spanset(&mut self, spans: &Spanset) -> Option<Hint> {
        match &spans.kind {
            SpansetKind::Filter(condition) => self.condition(condition.as_ref()?),
            SpansetKind::Pipeline(pipeline) => self.pipeline(pipeline),
            SpansetKind::Binary { op, left, right } => match op {
                SpansetOp::Or => any_of(vec![self.spanset(left), self.spanset(right)]),
                // The left side need not be there at all.
                SpansetOp::Structural(_, Polarity::HasNot) => self.spanset(right),
                _ => rarest(vec![self.spanset(left), self.spanset(right)]),
            },
        }
    }

    pub fn condition(&mut self, expr: &Expr) -> Option<Hint> {
        let mut group = Group::default();
        let mut parts = Vec::new();
        for part in expr.conjuncts() {
            parts.push(self.part(part, &mut group));
        }
        parts.extend(group.sql().into_iter().map(Some));
        all_of(parts)
    }

    /// A conjunct: added to the group when it is about one, else returned.
    fn part(&mut self, expr: &Expr, group: &mut Group) -> Option<Hint> {
        match &expr.kind {
            ExprKind::Or(parts) => {
                let parts = parts.iter().map(|part| self.condition(part)).collect();
                any_of(parts)
            }
            ExprKind::And(_) => self.condition(expr),
            ExprKind::Mentions(text) => {
                let text = self.binds.text(text);
                let mentions = format!(
                    "(positionCaseInsensitiveUTF8(toString(s), {text}) > 0 OR positionCaseInsensitiveUTF8(toString(o), {text}) > 0)"
                );
                group.conditions.push((&["s", "o"], mentions));
                None
            }
            ExprKind::Compare { op, left, right } => match (&left.kind, &right.kind) {
                (ExprKind::Field(field), ExprKind::Literal(value)) => self.compare(*op, field, value, group),
                (ExprKind::Literal(value), ExprKind::Field(field)) => {
                    self.compare(mirrored(*op), field, value, group)
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn compare(
        &mut self,
        op: CompareOp,
        field: &FieldName,
        value: &Literal,
        group: &mut Group,
    ) -> Option<Hint> {
        match field {
            FieldName::Intrinsic(intrinsic) => self.intrinsic(op, *intrinsic, value, group),
            FieldName::Attribute { of_parent: true, .. } => None,
            FieldName::Attribute { scope: AttributeScope::Resource, key, .. } if key == SERVICE_KEY => {
                self.name(op, &["s"], value, group);
                None
            }
            FieldName::Attribute { scope, key, .. } => match scope {
                AttributeScope::Span => self.of_span(op, key, value),
                AttributeScope::Event => of_tagged(Owner::Event, op, key, value),
                AttributeScope::Link => of_tagged(Owner::Link, op, key, value),
                AttributeScope::Resource => self.of_origin("resource", op, key, value),
                AttributeScope::Instrumentation => self.of_origin("scope", op, key, value),
                AttributeScope::Any => {
                    let resource = if key == SERVICE_KEY {
                        let mut own = Group::default();
                        self.name(op, &["s"], value, &mut own);
                        own.sql()
                    } else {
                        self.of_origin("resource", op, key, value)
                    };
                    any_of(vec![self.of_span(op, key, value), resource])
                }
            },
        }
    }

    fn intrinsic(
        &mut self,
        op: CompareOp,
        intrinsic: Intrinsic,
        value: &Literal,
        group: &mut Group,
    ) -> Option<Hint> {
        match (intrinsic, op, value) {
            (Intrinsic::Name, ..) => self.name(op, &["o"], value, group),
            (Intrinsic::Status, CompareOp::Eq, Literal::Status(StatusWord::Error)) => {
                group.conditions.push((&["f"], "f = 1".to_owned()));
                group.is_error = true;
            }
            (
                Intrinsic::Duration,
                CompareOp::Gt | CompareOp::GtEq | CompareOp::Eq,
                Literal::Duration(length),
            ) => group.conditions.push((&["l"], format!("l >= {}", bucket_of(*length)))),
            (Intrinsic::TraceStatus, CompareOp::Eq, Literal::Status(StatusWord::Error)) => {
                // Some piece of the trace has the failure, though not every one that may match.
            }
            (Intrinsic::StatusMessage, CompareOp::Eq, Literal::Str(text)) if !text.is_empty() => {
                return Some(has(token::of_fact(Fact::StatusMessage, text.as_bytes())));
            }
            (Intrinsic::EventName, CompareOp::Eq, Literal::Str(text)) => {
                return Some(has(token::of_fact(Fact::EventName, text.as_bytes())));
            }
            (Intrinsic::LinkTraceId, CompareOp::Eq, Literal::Str(text)) => {
                let id: TraceId = text.parse().ok()?;
                return Some(has(token::of_fact(Fact::LinkTraceId, &id.0)));
            }
            (Intrinsic::LinkSpanId, CompareOp::Eq, Literal::Str(text)) => {
                let id: SpanId = text.parse().ok()?;
                return Some(has(token::of_fact(Fact::LinkSpanId, &id.to_bytes())));
            }
            (Intrinsic::TraceId, CompareOp::Eq, Literal::Str(text)) => {
                let id: TraceId = text.parse().ok()?;
                let id = self.binds.text(&id.to_string());
                return Some(hint(BY_TOKEN, format!("trace_id = toFixedString(unhex({id}), 16)")));
            }
            (Intrinsic::SpanId, CompareOp::Eq, Literal::Str(text)) => return self.with_span("span_id", text),
            (Intrinsic::ParentId, CompareOp::Eq, Literal::Str(text)) => {
                return self.with_span("parent_id", text);
            }
            (Intrinsic::TraceDuration, CompareOp::Gt | CompareOp::GtEq, Literal::Duration(length)) => {
                return Some(self.in_long_trace(*length));
            }
            _ => {}
        }
        None
    }

    /// Ids of spans are not among the tokens: there would be as many as spans.
    fn with_span(&mut self, column: &str, text: &str) -> Option<Hint> {
        let id: SpanId = text.parse().ok()?;
        let id = self.binds.bind("UInt64", id.0);
        Some(hint(
            BY_TOKEN,
            format!(
                "trace_id IN (SELECT trace_id FROM spans WHERE tenant = {{tenant:String}} AND {column} = {id})"
            ),
        ))
    }

    /// A trace can be long without any long piece, but then it has several.
    fn in_long_trace(&mut self, length: Nanos) -> Hint {
        let length = self.binds.bind("UInt64", length.0);
        let sql = format!(
            "(length >= {length} OR {NUMBER} IN (SELECT {NUMBER} FROM pieces WHERE tenant = {{tenant:String}} \
             AND bucket >= toDateTime({{reach_low:UInt32}}, 'UTC') AND bucket <= toDateTime({{reach_high:UInt32}}, 'UTC') \
             GROUP BY {NUMBER} HAVING count() > 1 \
             AND max(toUnixTimestamp64Nano(first) + length) - min(toUnixTimestamp64Nano(first)) >= {length}))"
        );
        hint(BY_SCAN, sql)
    }

    /// A service or an operation.
    fn name(&mut self, op: CompareOp, of: &'static [&'static str; 1], value: &Literal, group: &mut Group) {
        let (Literal::Str(text) | Literal::Bare(text)) = value else { return };
        match op {
            CompareOp::Eq => {
                let text = self.binds.text(text);
                let all = if of[0] == "s" { &mut group.services } else { &mut group.operations };
                all.push(text.clone());
                group.conditions.push((of, format!("{} = {text}", of[0])));
            }
            CompareOp::Matches => {
                let pattern = self.binds.text(&whole(text));
                group.conditions.push((of, format!("match(toString({}), {pattern})", of[0])));
            }
            _ => {}
        }
    }

    fn of_span(&mut self, op: CompareOp, name: &str, value: &Literal) -> Option<Hint> {
        let key = Key::of(Owner::Span, name);
        if op == CompareOp::Eq {
            let tokens = match value {
                Literal::Float(number) => token::whole(*number).map(|whole| vec![key.int(whole)]),
                other => equal_tokens(key, other),
            };
            if let Some(tokens) = tokens {
                return Some(has_any(&tokens));
            }
        }
        let name = self.binds.text(name);
        let number = match value {
            Literal::Int(number) => Some(*number as f64),
            Literal::Float(number) => Some(*number),
            Literal::Duration(length) => Some(length.0 as f64),
            _ => None,
        };
        let bound = number.and_then(|number| {
            // Rounded as the writer rounds, which keeps the order.
            let number =
                format!("reinterpretAsFloat32({})", self.binds.bind("UInt32", (number as f32).to_bits()));
            match op {
                CompareOp::Eq => Some(format!("a <= {number} AND b >= {number}")),
                CompareOp::Gt | CompareOp::GtEq => Some(format!("b >= {number}")),
                CompareOp::Lt | CompareOp::LtEq => Some(format!("a <= {number}")),
                _ => None,
            }
        });
        match (op, value, bound) {
            (CompareOp::Eq, Literal::Nil, _) => None,
            (_, _, Some(bound)) => Some(hint(
                BY_OPERATION,
                format!(
                    "arrayExists((k, a, b) -> k = {name} AND {bound}, numbers.key, numbers.min, numbers.max)"
                ),
            )),
            _ => Some(hint(BY_SERVICE, format!("({} OR has(numbers.key, {name}))", has(key.present()).sql))),
        }
    }

    /// Origins are looked up while the statement is read: few have a value that is worth asking for.
    fn of_origin(&mut self, map: &str, op: CompareOp, name: &str, value: &Literal) -> Option<Hint> {
        let name = self.binds.text(name);
        let condition = match (op, value) {
            (CompareOp::Eq, Literal::Nil) => return None,
            (CompareOp::Eq, Literal::Str(text)) => format!("{map}[{name}] = {}", self.binds.text(text)),
            (CompareOp::Matches, Literal::Str(text)) => {
                format!("match({map}[{name}], {})", self.binds.text(&whole(text)))
            }
            _ => format!("mapContains({map}, {name})"),
        };
        let tokens = format!(
            "(SELECT groupUniqArray({})(toUInt32(bitAnd(bitXor(id, bitShiftRight(id, 32)), 4294967295))) FROM origins \
             WHERE tenant = {{tenant:String}} AND {condition})",
            NARROW_ORIGINS_MAX + 1
        );
        let sql = format!("(length({tokens}) > {NARROW_ORIGINS_MAX} OR hasAny(tokens, {tokens}))");
        Some(Hint { is_precise: op == CompareOp::Eq, ..hint(BY_SERVICE, sql) })
    }
}

impl Group {
    fn sql(&self) -> Option<Hint> {
        if self.conditions.is_empty() {
            return None;
        }
        let mut parts = Vec::new();
        if self.is_error {
            parts.push("error = 1".to_owned());
        }
        // For the indexes, which do not look into lambdas.
        parts.extend(self.services.iter().map(|name| format!("has(groups.service, {name})")));
        parts.extend(self.operations.iter().map(|name| format!("has(groups.operation, {name})")));
        let group = self.of_group();
        if self.conditions.len() != 1 || parts.is_empty() {
            parts.push(group.exists());
        }
        let rank = match (self.is_error, self.operations.is_empty(), self.services.is_empty()) {
            (true, ..) => BY_ERROR,
            (_, false, _) => BY_OPERATION,
            (_, _, false) => BY_SERVICE,
            _ => BY_SCAN,
        };
        Some(Hint { group: Some(group), ..hint(rank, parts.join(" AND ")) })
    }

    fn of_group(&self) -> OfGroup {
        let is_asked = |name: &&str| self.conditions.iter().any(|(names, _)| names.contains(name));
        let sql: Vec<&str> = self.conditions.iter().map(|(_, sql)| sql.as_str()).collect();
        let names = GROUP.into_iter().map(|(name, _)| name).filter(is_asked);
        OfGroup { sql: sql.join(" AND "), names: names.collect() }
    }
}

impl OfGroup {
    /// That a piece has such a group.
    fn exists(&self) -> String {
        let columns =
            GROUP.into_iter().filter(|(name, _)| self.names.contains(name)).map(|(_, column)| column);
        format!(
            "arrayExists(({}) -> {}, {})",
            self.names.join(", "),
            self.sql,
            columns.collect::<Vec<_>>().join(", ")
        )
    }
}

/// Whether pieces alone tell which traces match: when nothing is asked, or only what one group says for certain. Of
/// durations it knows only the longest, and that roughly.
pub fn is_exact(pipeline: &Pipeline) -> bool {
    let SpansetKind::Filter(condition) = &pipeline.spans.kind else { return false };
    let only_shown = pipeline.stages.iter().all(|stage| matches!(stage.kind, StageKind::Select(_)));
    only_shown && condition.as_ref().is_none_or(|expr| expr.conjuncts().iter().all(is_of_group))
}

fn is_of_group(expr: &Expr) -> bool {
    let ExprKind::Compare { op, left, right } = &expr.kind else {
        return matches!(expr.kind, ExprKind::Mentions(_));
    };
    let (ExprKind::Field(field), ExprKind::Literal(value)) = (&left.kind, &right.kind) else { return false };
    let is_name = field.is_service() || *field == FieldName::Intrinsic(Intrinsic::Name);
    match value {
        Literal::Str(_) => is_name && matches!(op, CompareOp::Eq | CompareOp::Matches),
        Literal::Status(StatusWord::Error) => {
            *field == FieldName::Intrinsic(Intrinsic::Status) && *op == CompareOp::Eq
        }
        _ => false,
    }
}

fn of_tagged(owner: Owner, op: CompareOp, name: &str, value: &Literal) -> Option<Hint> {
    let key = Key::of(owner, name);
    match (op, value) {
        (CompareOp::Eq, Literal::Nil) => None,
        (CompareOp::Eq, other) => {
            Some(equal_tokens(key, other).map_or_else(|| has(key.present()), |t| has_any(&t)))
        }
        _ => Some(has(key.present())),
    }
}

/// The tokens of which a value equal to the literal has one; None when there is no telling.
fn equal_tokens(key: Key, value: &Literal) -> Option<Vec<u32>> {
    Some(match value {
        Literal::Str(text) => vec![key.text(text)],
        Literal::Int(number) => vec![key.int(*number)],
        Literal::Bool(flag) => vec![key.bool(*flag)],
        Literal::Duration(length) => vec![key.int(i64::try_from(length.0).ok()?)],
        Literal::Bare(text) => {
            let mut tokens = vec![key.text(text)];
            match text.parse::<f64>() {
                Ok(number) => tokens.push(key.int(text.parse().ok().or_else(|| token::whole(number))?)),
                Err(_) => tokens.extend(text.parse::<bool>().ok().map(|flag| key.bool(flag))),
            }
            tokens
        }
        _ => return None,
    })
}

fn hint(rank: u8, sql: String) -> Hint {
    Hint { sql, rank, group: None, is_precise: false }
}

fn has(token: u32) -> Hint {
    Hint { is_precise: true, ..hint(BY_TOKEN, format!("has(tokens, {token})")) }
}

fn has_any(tokens: &[u32]) -> Hint {
    match tokens {
        [one] => has(*one),
        several => {
            let list = several.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
            Hint { is_precise: true, ..hint(BY_TOKEN, format!("hasAny(tokens, [{list}])")) }
        }
    }
}

/// Conditions on the same spans, and so on the same piece.
fn all_of(parts: Vec<Option<Hint>>) -> Option<Hint> {
    let known: Vec<Hint> = parts.into_iter().flatten().collect();
    let rank = known.iter().map(|hint| hint.rank).min()?;
    let only = known.first().filter(|_| known.len() == 1);
    let (group, is_precise) = (only.and_then(|hint| hint.group.clone()), only.is_some_and(Hint::is_precise));
    Some(Hint { group, is_precise, ..hint(rank, format!("({})", joined(&known, " AND "))) })
}

fn any_of(parts: Vec<Option<Hint>>) -> Option<Hint> {
    let known = parts.into_iter().collect::<Option<Vec<Hint>>>()?;
    let rank = known.iter().map(|hint| hint.rank).max()?;
    let is_precise = known.iter().all(Hint::is_precise);
    Some(Hint { is_precise, ..hint(rank, format!("({})", joined(&known, " OR "))) })
}

/// Conditions on different spans of a trace, which may lie in different pieces: one of them has to do.
fn rarest(parts: Vec<Option<Hint>>) -> Option<Hint> {
    parts.into_iter().flatten().min_by_key(|hint| hint.rank)
}

fn joined(hints: &[Hint], with: &str) -> String {
    hints.iter().map(|hint| hint.sql.as_str()).collect::<Vec<_>>().join(with)
}

/// The same comparison with its sides swapped.
pub(super) fn mirrored(op: CompareOp) -> CompareOp {
    match op {
        CompareOp::Lt => CompareOp::Gt,
        CompareOp::LtEq => CompareOp::GtEq,
        CompareOp::Gt => CompareOp::Lt,
        CompareOp::GtEq => CompareOp::LtEq,
        other => other,
    }
}
