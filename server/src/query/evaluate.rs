//! What conditions on single spans cannot say: how spans lie to each other, what groups of them add up to. Pure.
//!
//! The engine tells for every span of a trace which of the query's filters it satisfies, one bit each. Everything else
//! is decided here, over the tree of that trace.

use std::collections::HashMap;

use model::ApiError;
use model::query::ast::{
    Aggregate, ArithmeticOp, CompareOp, Expr, ExprKind, Field, Literal, Pipeline, Polarity, Relation,
    Spanset, SpansetKind, SpansetOp, Stage, StageKind,
};

use crate::limits::QUERY_SELECTIONS_MAX;

/// One span of a trace as far as the evaluation goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    pub span_id: u64,
    pub parent_id: u64,
    /// Bit `n` is set when the span satisfies filter `n`.
    pub bits: u64,
    /// What aggregates are taken of, in the order of [`Shape::numbers`].
    pub numbers: Vec<Option<f64>>,
    /// What spans are grouped by, as text, in the order of [`Shape::groups`].
    pub groups: Vec<String>,
}

/// A pipeline, and what of it the engine has to answer for each span.
pub struct Shape<'q> {
    pipeline: &'q Pipeline,
    pub leaves: Vec<Option<&'q Expr>>,
    pub numbers: Vec<&'q Expr>,
    pub groups: Vec<&'q Field>,
}

/// Rows that go on together: all of a trace's until `by` splits them.
type Group = Vec<usize>;

impl<'q> Shape<'q> {
    pub fn of(pipeline: &'q Pipeline) -> Result<Shape<'q>, ApiError> {
        let mut shape = Shape { pipeline, leaves: Vec::new(), numbers: Vec::new(), groups: Vec::new() };
        shape.collect(pipeline);
        if shape.leaves.len() > QUERY_SELECTIONS_MAX {
            return Err(ApiError::bad_request(
                format!(
                    "the query selects spans {} times, and {QUERY_SELECTIONS_MAX} is the most",
                    shape.leaves.len()
                ),
                "ask for less at once",
            ));
        }
        Ok(shape)
    }

    /// One filter and nothing that groups or counts.
    pub fn is_plain(&self) -> bool {
        matches!(self.pipeline.spans.kind, SpansetKind::Filter(_))
            && self.pipeline.stages.iter().all(|stage| matches!(stage.kind, StageKind::Select(_)))
    }

    fn collect(&mut self, pipeline: &'q Pipeline) {
        self.collect_spans(&pipeline.spans);
        for stage in &pipeline.stages {
            match &stage.kind {
                StageKind::Spans(spans) => self.collect_spans(spans),
                StageKind::Where(expr) => self.collect_numbers(expr),
                StageKind::By(fields) => self.groups.extend(fields),
                StageKind::Select(_) | StageKind::Coalesce => {}
            }
        }
    }

    fn collect_spans(&mut self, spans: &'q Spanset) {
        match &spans.kind {
            SpansetKind::Filter(condition) => self.leaves.push(condition.as_ref()),
            SpansetKind::Binary { left, right, .. } => {
                self.collect_spans(left);
                self.collect_spans(right);
            }
            SpansetKind::Pipeline(pipeline) => self.collect(pipeline),
        }
    }

    fn collect_numbers(&mut self, expr: &'q Expr) {
        match &expr.kind {
            ExprKind::Aggregate { of, .. } => self.numbers.extend(of.as_deref()),
            ExprKind::Negative(inner) => self.collect_numbers(inner),
            ExprKind::Compare { left, right, .. } | ExprKind::Arithmetic { left, right, .. } => {
                self.collect_numbers(left);
                self.collect_numbers(right);
            }
            _ => {}
        }
    }

    /// The rows of one trace that the query returns; none when the trace does not match.
    pub fn matching(&self, rows: &[Row]) -> Vec<usize> {
        let tree = Tree::of(rows);
        let mut next = Next::default();
        let all: Group = (0..rows.len()).collect();
        let groups = run(self.pipeline, rows, &tree, &all, &mut next);
        let mut found: Vec<usize> = groups.into_iter().flatten().collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Which filter, number and group comes next: the order is that of [`Shape::collect`].
#[derive(Clone, Copy, Default)]
struct Next {
    leaf: usize,
    number: usize,
    group: usize,
}

fn run(pipeline: &Pipeline, rows: &[Row], tree: &Tree, within: &[usize], next: &mut Next) -> Vec<Group> {
    let mut groups = vec![select(&pipeline.spans, rows, tree, within, next)];
    for stage in &pipeline.stages {
        groups.retain(|group| !group.is_empty());
        groups = through(stage, rows, tree, groups, next);
    }
    groups.retain(|group| !group.is_empty());
    groups
}

fn through(stage: &Stage, rows: &[Row], tree: &Tree, groups: Vec<Group>, next: &mut Next) -> Vec<Group> {
    match &stage.kind {
        StageKind::Spans(spans) => {
            let start = *next;
            // Walked over once even when there is nothing left, so that the numbering goes on.
            let after = {
                let mut after = start;
                select(spans, rows, tree, &[], &mut after);
                after
            };
            let narrowed =
                groups.iter().map(|group| select(spans, rows, tree, group, &mut start.clone())).collect();
            *next = after;
            narrowed
        }
        StageKind::Where(expr) => {
            let start = next.number;
            let holds = |group: &Group| {
                let mut number = start;
                compare(expr, rows, group, &mut number)
            };
            let kept = groups.iter().filter(|group| holds(group)).cloned().collect();
            compare(expr, rows, &[], &mut next.number);
            kept
        }
        StageKind::By(fields) => {
            let keys = next.group..next.group + fields.len();
            next.group = keys.end;
            let mut split: Vec<(&[String], Group)> = Vec::new();
            for row in groups.into_iter().flatten() {
                let key = &rows[row].groups[keys.clone()];
                match split.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, group)) => group.push(row),
                    None => split.push((key, vec![row])),
                }
            }
            split.into_iter().map(|(_, group)| group).collect()
        }
        StageKind::Coalesce => vec![groups.into_iter().flatten().collect()],
        StageKind::Select(_) => groups,
    }
}

fn select(spans: &Spanset, rows: &[Row], tree: &Tree, within: &[usize], next: &mut Next) -> Group {
    match &spans.kind {
        SpansetKind::Filter(_) => {
            let bit = 1u64 << next.leaf;
            next.leaf += 1;
            within.iter().copied().filter(|row| rows[*row].bits & bit != 0).collect()
        }
        SpansetKind::Pipeline(pipeline) => {
            let mut found: Group = run(pipeline, rows, tree, within, next).into_iter().flatten().collect();
            found.sort_unstable();
            found
        }
        SpansetKind::Binary { op, left, right } => {
            let left = select(left, rows, tree, within, next);
            let right = select(right, rows, tree, within, next);
            match op {
                SpansetOp::And if left.is_empty() || right.is_empty() => Vec::new(),
                SpansetOp::And | SpansetOp::Or => union(left, right),
                SpansetOp::Structural(relation, polarity) => {
                    let related = tree.related(*relation, rows, &left, &right);
                    match polarity {
                        Polarity::Has => related,
                        // Both are in order.
                        Polarity::HasNot => {
                            right.into_iter().filter(|row| related.binary_search(row).is_err()).collect()
                        }
                        Polarity::Union => {
                            let others = tree.related(opposite(*relation), rows, &right, &left);
                            union(others, related)
                        }
                    }
                }
            }
        }
    }
}

fn union(mut a: Group, b: Group) -> Group {
    a.extend(b);
    a.sort_unstable();
    a.dedup();
    a
}

fn opposite(relation: Relation) -> Relation {
    match relation {
        Relation::Child => Relation::Parent,
        Relation::Parent => Relation::Child,
        Relation::Descendant => Relation::Ancestor,
        Relation::Ancestor => Relation::Descendant,
        Relation::Sibling => Relation::Sibling,
    }
}

/// The parent's row of each row.
struct Tree {
    parent: Vec<Option<usize>>,
}

impl Tree {
    fn of(rows: &[Row]) -> Tree {
        let mut by_id: HashMap<u64, usize> = HashMap::with_capacity(rows.len());
        for (at, row) in rows.iter().enumerate() {
            by_id.entry(row.span_id).or_insert(at);
        }
        let parent_of = |(at, row): (usize, &Row)| {
            (row.parent_id != 0).then(|| by_id.get(&row.parent_id).copied()).flatten().filter(|p| *p != at)
        };
        Tree { parent: rows.iter().enumerate().map(parent_of).collect() }
    }

    /// The rows of the right side that lie so to some row of the left.
    fn related(&self, relation: Relation, rows: &[Row], left: &[usize], right: &[usize]) -> Group {
        let mut marked = vec![false; self.parent.len()];
        match relation {
            Relation::Child => {
                left.iter().for_each(|row| marked[*row] = true);
                self.keep(right, |row| self.parent[row].is_some_and(|parent| marked[parent]))
            }
            Relation::Parent => {
                left.iter().filter_map(|row| self.parent[*row]).for_each(|parent| marked[parent] = true);
                self.keep(right, |row| marked[row])
            }
            Relation::Ancestor => {
                for row in left {
                    let mut at = self.parent[*row];
                    // What is marked has had its ancestors marked, which also ends circles.
                    while let Some(up) = at.filter(|up| !marked[*up]) {
                        marked[up] = true;
                        at = self.parent[up];
                    }
                }
                self.keep(right, |row| marked[row])
            }
            Relation::Descendant => {
                let below = self.below(left);
                self.keep(right, |row| below[row])
            }
            Relation::Sibling => {
                let mut children: HashMap<u64, Vec<usize>> = HashMap::new();
                for row in left.iter().filter(|row| rows[**row].parent_id != 0) {
                    let known = children.entry(rows[*row].parent_id).or_default();
                    if known.len() < 2 {
                        known.push(*row);
                    }
                }
                self.keep(right, |row| {
                    children
                        .get(&rows[row].parent_id)
                        .is_some_and(|all| all.iter().any(|other| *other != row))
                })
            }
        }
    }

    fn keep(&self, rows: &[usize], holds: impl Fn(usize) -> bool) -> Group {
        rows.iter().copied().filter(|row| holds(*row)).collect()
    }

    /// Which rows have an ancestor among these.
    fn below(&self, tops: &[usize]) -> Vec<bool> {
        let rows = self.parent.len();
        let mut is_top = vec![false; rows];
        tops.iter().for_each(|row| is_top[*row] = true);
        let mut below: Vec<Option<bool>> = vec![None; rows];
        let mut path = Vec::new();
        for row in 0..rows {
            let mut at = row;
            let answer = loop {
                if let Some(known) = below[at] {
                    break known;
                }
                // Provisional, so that a circle ends here.
                below[at] = Some(false);
                path.push(at);
                match self.parent[at] {
                    None => break false,
                    Some(up) if is_top[up] => break true,
                    Some(up) => at = up,
                }
            };
            path.drain(..).for_each(|row| below[row] = Some(answer));
        }
        below.into_iter().map(|known| known == Some(true)).collect()
    }
}

/// A comparison of aggregates over a group. Where one has nothing to work on, it does not hold.
fn compare(expr: &Expr, rows: &[Row], group: &[usize], number: &mut usize) -> bool {
    let ExprKind::Compare { op, left, right } = &expr.kind else { return false };
    let (left, right) = (scalar(left, rows, group, number), scalar(right, rows, group, number));
    match (left, right) {
        (Some(left), Some(right)) => holds(*op, left, right),
        _ => false,
    }
}

pub fn holds(op: CompareOp, left: f64, right: f64) -> bool {
    match op {
        CompareOp::Eq => left == right,
        CompareOp::NotEq => left != right,
        CompareOp::Lt => left < right,
        CompareOp::LtEq => left <= right,
        CompareOp::Gt => left > right,
        CompareOp::GtEq => left >= right,
        CompareOp::Matches | CompareOp::MatchesNot => false,
    }
}

fn scalar(expr: &Expr, rows: &[Row], group: &[usize], number: &mut usize) -> Option<f64> {
    match &expr.kind {
        ExprKind::Literal(literal) => literal_number(literal),
        ExprKind::Negative(inner) => scalar(inner, rows, group, number).map(|value| -value),
        ExprKind::Arithmetic { op, left, right } => {
            let (left, right) = (scalar(left, rows, group, number), scalar(right, rows, group, number));
            Some(arithmetic(*op, left?, right?))
        }
        ExprKind::Aggregate { of: None, .. } => Some(group.len() as f64),
        ExprKind::Aggregate { function, of: Some(_) } => {
            let at = *number;
            *number += 1;
            let values: Vec<f64> = group.iter().filter_map(|row| rows[*row].numbers[at]).collect();
            aggregate(*function, &values)
        }
        _ => None,
    }
}

pub fn literal_number(literal: &Literal) -> Option<f64> {
    match literal {
        Literal::Int(number) => Some(*number as f64),
        Literal::Float(number) => Some(*number),
        Literal::Duration(length) => Some(length.0 as f64),
        _ => None,
    }
}

fn arithmetic(op: ArithmeticOp, left: f64, right: f64) -> f64 {
    match op {
        ArithmeticOp::Add => left + right,
        ArithmeticOp::Sub => left - right,
        ArithmeticOp::Mul => left * right,
        ArithmeticOp::Div => left / right,
        ArithmeticOp::Mod => left % right,
        ArithmeticOp::Pow => left.powf(right),
    }
}

fn aggregate(function: Aggregate, values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let sum: f64 = values.iter().sum();
    Some(match function {
        Aggregate::Count => values.len() as f64,
        Aggregate::Sum => sum,
        Aggregate::Avg => sum / values.len() as f64,
        Aggregate::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
        Aggregate::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    })
}
