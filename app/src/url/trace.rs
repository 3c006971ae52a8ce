//! The trace page's state: which span is open, which part of the time axis is shown, what is looked for, what is
//! folded.

use model::{SpanId, TraceId};

use super::{Query, with_query};

/// Above this many folded spans a link says nothing about them: it would grow past what chat tools keep whole.
pub const MAX_CLOSED_IN_URL: usize = 24;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceView {
    pub span: Option<SpanId>,
    pub is_idle_folded: bool,
    /// Nanoseconds of shown time, from and to.
    pub window: Option<(u64, u64)>,
    pub find: String,
    pub closed: Closed,
    /// Groups of like siblings that are unfolded, by their first span.
    pub opened: Closed,
    /// The span at the top, with only what is below it.
    pub top: Option<SpanId>,
    pub shape: Shape,
    /// The span that the open one is put beside.
    pub beside: Option<SpanId>,
}

/// How the trace is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    #[default]
    Waterfall,
    Flame,
    Table,
    Logs,
    Calls,
}

impl Shape {
    pub const ALL: [Shape; 5] = [Shape::Waterfall, Shape::Flame, Shape::Table, Shape::Logs, Shape::Calls];

    pub fn name(self) -> &'static str {
        match self {
            Shape::Waterfall => "waterfall",
            Shape::Flame => "flame",
            Shape::Table => "table",
            Shape::Logs => "logs",
            Shape::Calls => "calls",
        }
    }
}

/// Some rows, or all there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    These(Vec<SpanId>),
    All,
}

impl Default for Closed {
    fn default() -> Closed {
        Closed::These(Vec::new())
    }
}

impl TraceView {
    pub fn of(query: &Query) -> TraceView {
        TraceView {
            span: query.get("span").and_then(|s| s.parse().ok()),
            window: query.get("window").and_then(window_of),
            is_idle_folded: query.get("idle") == Some("folded"),
            find: query.get("find").unwrap_or_default().to_owned(),
            closed: closed_of(query.get("closed").unwrap_or_default()),
            opened: closed_of(query.get("opened").unwrap_or_default()),
            beside: query.get("beside").and_then(|s| s.parse().ok()),
            top: query.get("top").and_then(|s| s.parse().ok()),
            shape: query
                .get("view")
                .and_then(|name| Shape::ALL.into_iter().find(|shape| shape.name() == name))
                .unwrap_or_default(),
        }
    }

    pub fn url(&self, trace: TraceId) -> String {
        let mut query = Query::default();
        query.push_some("span", self.span.map(|s| s.to_string()));
        query.push_some("beside", self.beside.map(|s| s.to_string()));
        query.push_some("window", self.window.map(|(from, to)| format!("{from}-{to}")));
        query.push_some("idle", self.is_idle_folded.then_some("folded"));
        query.push_some("find", Some(self.find.as_str()).filter(|f| !f.is_empty()));
        query.push_some("view", Some(self.shape.name()).filter(|_| self.shape != Shape::default()));
        query.push_some("top", self.top.map(|s| s.to_string()));
        query.push_some("closed", self.closed.text());
        query.push_some("opened", self.opened.text());
        with_query(format!("/trace/{trace}"), query)
    }
}

impl Closed {
    fn text(&self) -> Option<String> {
        match self {
            Closed::All => Some("all".to_owned()),
            Closed::These(spans) if !spans.is_empty() && spans.len() <= MAX_CLOSED_IN_URL => {
                let ids: Vec<String> = spans.iter().map(ToString::to_string).collect();
                Some(ids.join("."))
            }
            Closed::These(_) => None,
        }
    }
}

pub(super) fn window_of(text: &str) -> Option<(u64, u64)> {
    let (from, to) = text.split_once('-')?;
    let window = (from.parse().ok()?, to.parse().ok()?);
    (window.0 < window.1).then_some(window)
}

fn closed_of(text: &str) -> Closed {
    if text == "all" {
        return Closed::All;
    }
    Closed::These(text.split('.').filter_map(|id| id.parse().ok()).collect())
}
