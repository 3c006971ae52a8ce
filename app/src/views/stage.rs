//! One trace on stage: the data, and the one selection, time window, folding and search that all its views share.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use leptos::prelude::*;
use model::trace::events::EXCEPTION;
use model::trace::idle::idle;
use model::trace::orphan::{Evidence, orphans};
use model::trace::{Clock, Extra, HostClocks, NO_ROW, Outline, SpanRank, Trace, Tree};
use model::view::TraceSummary;
use model::{LinkTarget, LinkTemplate, Nanos, Span, SpanId};

use super::waterfall::find::{self, Hits};
use super::waterfall::rows::{Choice, Folded, Rows};
use super::why::Why;
use crate::browser::frame;
use crate::chart::Window;
use crate::chart::color::service_color;
use crate::chart::folds::Folds;
use crate::format::{counted, delta, duration};
use crate::url::Shape;

/// A trace with everything computed from it once.
pub struct Staged {
    pub trace: Trace,
    /// Spans alone: what is computed about the trace is computed from this.
    pub tree: Arc<Tree>,
    /// The rows that are listed, gaps and groups among them: whatever walks along rows walks here.
    pub outline: Outline,
    pub summary: TraceSummary,
    pub errors: Hits,
    /// Rows with events.
    pub eventful: Hits,
    /// The number of the name by which events say that something went wrong.
    pub exception: Option<u32>,
    /// The greatest depth of any row, from 0.
    pub deepest: u32,
    /// Spans whole, in order of row, of a trace that came from a file: no server knows them.
    pub local: Vec<Arc<Span>>,
    /// The colour token of each name in the trace's dictionary.
    pub colors: Vec<u8>,
}

impl Staged {
    /// In steps, between which the browser may answer and paint: of a large trace each takes a while.
    pub async fn new(trace: Trace) -> Staged {
        frame::pause().await;
        let tree = Arc::new(Tree::new(&trace));
        frame::pause().await;
        let summary = trace.summary();
        let in_flight = summary.in_flight;
        let orphans = match summary.orphan_count {
            0 => Vec::new(),
            _ => {
                let evidence = Evidence { in_flight, refused: &trace.refused };
                orphans(&trace, &tree, &Clock::new(&trace, &tree), &evidence)
            }
        };
        let outline = Outline::new(&trace, &tree, &orphans);
        frame::pause().await;
        Staged {
            summary,
            local: Vec::new(),
            errors: find::errors(&trace, &outline.tree),
            eventful: find::eventful(&trace, &outline.tree),
            exception: trace.strings.iter().position(|name| name == EXCEPTION).map(|at| at as u32),
            deepest: outline.tree.depth.iter().max().copied().unwrap_or_default(),
            outline,
            colors: trace.strings.iter().map(|name| service_color(name) as u8).collect(),
            tree,
            trace,
        }
    }
}

/// Clocks as other traces know them.
pub struct Learned {
    pub hosts: HostClocks,
    pub clock: Clock,
}

impl Learned {
    /// How a row's clock was set right, and how that is known.
    pub fn words(&self, row: usize) -> Option<String> {
        let (host, shift) = (self.hosts.host(row)?, *self.clock.shift.get(row)?);
        let ahead = host.ahead.filter(|_| shift != 0)?;
        let slack = duration(Nanos(ahead.slack));
        let calls = counted(ahead.calls, "call", "calls");
        Some(format!("clock of {} set right by {} ± {slack}, learned from {calls}", host.name, delta(shift)))
    }
}

/// A row to bring into view; the turn tells two wishes for the same row apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    pub row: u32,
    turn: u32,
}

#[derive(Clone, Copy)]
pub struct Stage {
    staged: StoredValue<Arc<Staged>>,
    /// In shown time: that of the trace, or what is left of it when idle stretches are folded.
    pub window: RwSignal<Window>,
    pub is_idle_folded: RwSignal<bool>,
    pub folds: Memo<Arc<Folds>>,
    /// The row the keyboard is on.
    pub cursor: RwSignal<Option<u32>>,
    /// Whether the cursor's span is shown in full.
    pub is_open: RwSignal<bool>,
    pub folded: RwSignal<Folded>,
    pub rows: Memo<Arc<Rows>>,
    pub find: RwSignal<String>,
    pub hits: Memo<Arc<Hits>>,
    /// Has the attributes looked through, where a server knows them.
    pub ask: StoredValue<Option<Callback<String>>>,
    /// Spans whose attributes hold what is looked for, and the text they were found by.
    pub found: RwSignal<(String, Vec<u32>)>,
    /// Only what was found is listed, with the way to it.
    pub is_filtered: RwSignal<bool>,
    /// Comes a moment after the rows: it takes longer than they may wait.
    pub why: RwSignal<Option<Arc<Why>>>,
    pub is_path_shown: RwSignal<bool>,
    /// Bars lie where clocks set right put them.
    pub is_corrected: RwSignal<bool>,
    /// Clocks are to be set right where that moves anything, so what is known of the hosts' is asked for.
    pub wants_clocks: RwSignal<bool>,
    pub learned: RwSignal<Option<Arc<Learned>>>,
    /// The row that stands at the top, with only what is below it.
    pub top: RwSignal<Option<u32>>,
    /// The event the keyboard is on, by its place among the trace's.
    pub event: RwSignal<Option<usize>>,
    /// A span, and the one it is put beside.
    pub beside: RwSignal<Option<(u32, u32)>>,
    /// The rows of the waterfall on screen, by their place in the list.
    pub visible: RwSignal<Range<usize>>,
    /// Where spans lie among their operations' last day, as far as that was asked.
    pub ranks: RwSignal<HashMap<u32, SpanRank>>,
    /// Links to tools beside Skein.
    pub links: RwSignal<Vec<LinkTemplate>>,
    pub shape: RwSignal<Shape>,
    pub wish: RwSignal<Option<Wish>>,
}

impl Stage {
    pub fn new(staged: Arc<Staged>) -> Stage {
        let folded = RwSignal::new(Folded::initial(&staged.outline));
        let top = RwSignal::new(None);
        let find = RwSignal::new(String::new());
        let found = RwSignal::new((String::new(), Vec::new()));
        let is_filtered = RwSignal::new(false);
        let is_idle_folded = RwSignal::new(false);
        let for_folds = Arc::clone(&staged);
        let (for_rows, for_hits) = (Arc::clone(&staged), Arc::clone(&staged));
        let hits = memo_of_arc(move || {
            let (text, found) = (find.read(), found.read());
            let also: &[u32] = if found.0 == *text { &found.1 } else { &[] };
            find::find(&for_hits.trace, &for_hits.outline.tree, &text, also)
        });
        Stage {
            window: RwSignal::new(Window::whole(staged.trace.duration.0)),
            is_idle_folded,
            folds: memo_of_arc(move || match is_idle_folded.get() {
                true => Folds::new(&idle(&for_folds.trace, &for_folds.tree), for_folds.trace.duration.0),
                false => Folds::default(),
            }),
            cursor: RwSignal::new(None),
            is_open: RwSignal::new(false),
            folded,
            rows: memo_of_arc(move || {
                let kept = is_filtered.get().then(|| hits.read().with_ancestors(&for_rows.outline.tree));
                let choice =
                    Choice { kept: kept.as_deref(), top: top.get(), span_count: for_rows.trace.len() };
                Rows::new(&for_rows.outline.tree, &folded.read(), choice)
            }),
            find,
            hits,
            ask: StoredValue::new(None),
            found,
            is_filtered,
            why: RwSignal::new(None),
            is_path_shown: RwSignal::new(true),
            is_corrected: RwSignal::new(false),
            wants_clocks: RwSignal::new(false),
            learned: RwSignal::new(None),
            top,
            event: RwSignal::new(None),
            beside: RwSignal::new(None),
            visible: RwSignal::new(0..0),
            ranks: RwSignal::new(HashMap::new()),
            links: RwSignal::new(Vec::new()),
            shape: RwSignal::new(Shape::default()),
            wish: RwSignal::new(None),
            staged: StoredValue::new(staged),
        }
    }

    pub fn staged(self) -> Arc<Staged> {
        self.staged.get_value()
    }

    /// Whether the trace came from a file.
    pub fn is_local(self) -> bool {
        self.staged.with_value(|staged| !staged.local.is_empty())
    }

    /// The whole of shown time.
    pub fn total_ns(self) -> u64 {
        let total = self.staged.with_value(|s| s.trace.duration.0);
        self.folds.with_untracked(|folds| folds.shown(total))
    }

    /// Where a row is shown on the time axis, and how long.
    pub fn extent(self, row: u32) -> (u64, u64) {
        let (offset, length) = self.staged.with_value(|s| s.outline.extent(&s.trace, row));
        self.folds.with_untracked(|folds| folds.shown_span(offset, length))
    }

    /// Folds idle stretches of the time axis, or gives them their length again.
    pub fn fold_idle(self, is_folded: bool) {
        self.is_idle_folded.set(is_folded);
        self.zoom_out();
    }

    /// Unfolds the way to a row, puts the cursor there and brings it into view.
    pub fn reveal(self, row: u32) {
        let staged = self.staged();
        let is_hidden = self.rows.with_untracked(|rows| rows.index_of(row).is_none());
        if is_hidden
            && self.is_filtered.get_untracked()
            && !self.hits.with_untracked(|hits| hits.contains(row))
        {
            self.is_filtered.set(false);
        }
        if let Some(top) = self.top.get_untracked()
            && row != top
            && staged.outline.tree.ancestors(row).all(|above| above != top)
        {
            self.top.set(None);
        }
        if is_hidden {
            self.folded.update(|folded| folded.reveal(&staged.outline.tree, row));
        }
        self.cursor.set(Some(row));
        self.wish.update(|wish| *wish = Some(Wish { row, turn: wish.map_or(0, |w| w.turn + 1) }));
    }

    pub fn reveal_span(self, span: SpanId) -> bool {
        let row = self.staged.with_value(|s| s.trace.row_of(span));
        row.inspect(|row| self.reveal(*row as u32)).is_some()
    }

    /// Goes to a span, or to the group it is one of many in.
    pub fn visit(self, row: u32) {
        let staged = self.staged();
        let above = staged.outline.tree.parent[row as usize];
        let is_grouped = matches!(staged.outline.extra(above), Some(Extra::Group(_)));
        let is_shown = self.rows.with_untracked(|rows| rows.index_of(row).is_some());
        self.reveal(if is_grouped && !is_shown { above } else { row });
    }

    /// Links of the tools beside Skein: their names and addresses, about a span or about the whole trace.
    pub fn links_about(self, row: Option<u32>) -> Vec<(String, String)> {
        let staged = self.staged();
        let trace = &staged.trace;
        let Some(of) = row.map(|row| row as usize).or_else(|| trace.root_row()) else {
            return Vec::new();
        };
        let start = trace.start.plus(Nanos(if row.is_some() { trace.offset[of] } else { 0 }));
        let target = LinkTarget {
            trace_id: trace.trace_id,
            span_id: row.map(|_| trace.span_id[of]),
            service: trace.service_name(of),
            operation: trace.operation_name(of),
            start,
            duration: if row.is_some() { Nanos(trace.length[of]) } else { trace.duration },
        };
        let links = self.links.read();
        links.iter().filter_map(|link| Some((link.name.clone(), link.fill(&target)?))).collect()
    }

    /// The span that the cursor's is put beside.
    pub fn other_row(self) -> Option<u32> {
        let row = self.span_row();
        self.beside.get().filter(|(of, _)| Some(*of) == row).map(|(_, other)| other)
    }

    /// The cursor's row when it is a span.
    pub fn span_row(self) -> Option<u32> {
        self.cursor.get().filter(|row| self.staged.with_value(|staged| staged.outline.is_span(*row)))
    }

    /// Lists only the cursor's row and what is below it, and zooms to it; or everything again.
    pub fn toggle_top(self) {
        let row = self.cursor.get_untracked();
        if self.top.get_untracked().is_some() && self.top.get_untracked() == row {
            return self.set_top(None);
        }
        self.set_top(row.or(self.top.get_untracked()));
    }

    pub fn set_top(self, row: Option<u32>) {
        self.top.set(row);
        match row {
            None => self.zoom_out(),
            Some(row) => {
                let (offset, length) = self.extent(row);
                self.set_window(Window::around(offset, length));
            }
        }
        if let Some(row) = self.cursor.get_untracked().or(row) {
            self.reveal(row);
        }
    }

    pub fn open(self, row: u32) {
        self.cursor.set(Some(row));
        self.is_open.set(true);
    }

    /// Moves the cursor by rows on screen.
    pub fn step(self, by: isize) {
        let rows = self.rows.get_untracked();
        let Some(last) = rows.len().checked_sub(1) else {
            return;
        };
        let now = self.cursor.get_untracked().and_then(|row| rows.nearest(&self.staged().outline.tree, row));
        let next = match now {
            Some(index) => index.saturating_add_signed(by).min(last),
            // The first step only enters the list; a leap goes where it goes.
            None if by > 1 => last.min(by.unsigned_abs()),
            None => 0,
        };
        if let Some(row) = rows.at(next) {
            self.reveal(row);
        }
    }

    /// Unfolds the row under the cursor, or goes to its first child when it is unfolded.
    pub fn go_in(self) {
        let staged = self.staged();
        let Some(row) = self.cursor.get_untracked() else {
            return self.step(0);
        };
        if staged.outline.tree.child_count[row as usize] == 0 {
            return;
        }
        if self.folded.with_untracked(|folded| folded.is_folded(row)) {
            self.folded.update(|folded| folded.set(row, false));
        } else {
            self.step(1);
        }
    }

    /// Folds the row under the cursor, or goes to its parent when there is nothing to fold.
    pub fn go_out(self) {
        let staged = self.staged();
        let Some(row) = self.cursor.get_untracked() else {
            return self.step(0);
        };
        let is_open = staged.outline.tree.child_count[row as usize] > 0
            && !self.folded.with_untracked(|f| f.is_folded(row));
        let above = staged.outline.tree.parent[row as usize];
        if is_open {
            self.folded.update(|folded| folded.set(row, true));
        } else if above != NO_ROW {
            self.reveal(above);
        }
    }

    pub fn toggle(self, row: u32) {
        self.folded.update(|folded| folded.set(row, !folded.is_folded(row)));
    }

    pub fn fold_below_cursor(self, folded: bool) {
        if let Some(row) = self.cursor.get_untracked() {
            self.folded.update(|all| all.set_below(&self.staged().outline.tree, row, folded));
        }
    }

    pub fn fold_all(self, folded: bool) {
        let staged = self.staged();
        self.folded.set(if folded {
            Folded::all(&staged.outline.tree)
        } else {
            Folded::none(staged.outline.len())
        });
        // The cursor goes to what stands for its row now, so that the next key starts there.
        let index = self
            .cursor
            .get_untracked()
            .and_then(|row| self.rows.get_untracked().nearest(&staged.outline.tree, row));
        if let Some(row) = index.and_then(|index| self.rows.get_untracked().at(index)) {
            self.reveal(row);
        }
    }

    pub fn step_error(self, is_forward: bool) {
        let staged = self.staged();
        if let Some(row) = staged.errors.step(&staged.outline.tree, self.cursor.get_untracked(), is_forward) {
            self.reveal(row);
        }
    }

    /// To the next event or the one before, within the cursor's span first.
    pub fn step_event(self, is_forward: bool) {
        let staged = self.staged();
        let (events, cursor) = (&staged.trace.events, self.cursor.get_untracked());
        let here = cursor.map_or(0..0, |row| events.of_row(row));
        let at = self.event.get_untracked().filter(|at| here.contains(at));
        let within = match (at, is_forward) {
            (Some(at), true) => Some(at + 1),
            (Some(at), false) => at.checked_sub(1),
            (None, _) => Some(if is_forward { here.start } else { here.end.wrapping_sub(1) }),
        };
        if let Some(next) = within.filter(|next| here.contains(next)) {
            return self.event.set(Some(next));
        }
        if let Some(row) = staged.eventful.step(&staged.outline.tree, cursor, is_forward) {
            let there = events.of_row(row);
            self.reveal(row);
            self.event.set(if is_forward { Some(there.start) } else { there.end.checked_sub(1) });
        }
    }

    pub fn step_hit(self, is_forward: bool) {
        let hits = self.hits.get_untracked();
        if let Some(row) = hits.step(&self.staged().outline.tree, self.cursor.get_untracked(), is_forward) {
            self.reveal(row);
        }
    }

    /// Along the critical path, in order of time.
    pub fn step_path(self, is_forward: bool) {
        let why = self.why.get_untracked();
        if let Some(row) = why.and_then(|why| why.step(self.cursor.get_untracked(), is_forward)) {
            self.reveal(row);
        }
    }

    /// Bars where senders' clocks put them, or where clocks set right do, if there is a difference.
    pub fn correct(self) {
        let can_move =
            self.why.with_untracked(|why| why.as_ref().is_some_and(|why| why.clock.moves_anything()));
        let learned =
            self.learned.with_untracked(|learned| learned.as_ref().map(|l| l.clock.moves_anything()));
        let wants_clocks = !self.wants_clocks.get_untracked();
        self.is_corrected.set(wants_clocks && learned.unwrap_or(can_move));
        self.wants_clocks.set(wants_clocks);
    }

    /// Takes what was learned of the hosts' clocks, in place of what this trace alone says.
    pub fn learn(self, hosts: HostClocks) {
        let staged = self.staged();
        if let Some(clock) = Clock::of_hosts(&staged.trace, &staged.tree, &hosts) {
            // The answer may come when nobody wants it any more.
            self.is_corrected.set(self.wants_clocks.get_untracked() && clock.moves_anything());
            self.learned.set(Some(Arc::new(Learned { hosts, clock })));
        }
    }

    /// Lists only what was found, or everything again.
    pub fn filter(self) {
        let is_filtered = !self.is_filtered.get_untracked();
        if is_filtered && self.hits.with_untracked(|hits| hits.is_empty()) {
            return;
        }
        self.is_filtered.set(is_filtered);
    }

    /// What the attributes of spans held; it counts only for the text it was looked for with.
    pub fn add_found(self, text: String, rows: Vec<u32>) {
        let is_current = self.find.with_untracked(|find| *find == text);
        self.found.set((text, rows));
        if is_current {
            self.show_first_hit();
        }
    }

    /// Whether attributes are still looked through for what is typed.
    pub fn is_looking(self) -> bool {
        !self.is_local() && self.found.with(|(text, _)| self.find.with(|find| find != text))
    }

    /// Looks for something, and shows the first of it.
    pub fn look_for(self, text: String) {
        if text.trim().is_empty() {
            self.is_filtered.set(false);
        }
        // The answer takes longest, so the question goes out before anything else follows from the text.
        if let Some(ask) = self.ask.get_value() {
            ask.run(text.clone());
        }
        self.find.set(text);
        self.show_first_hit();
    }

    fn show_first_hit(self) {
        let hits = self.hits.get_untracked();
        let is_on_hit = self.cursor.get_untracked().is_some_and(|row| hits.contains(row));
        if let (Some(row), false) = (hits.first(), is_on_hit) {
            self.reveal(row);
        }
    }

    pub fn set_window(self, window: Window) {
        self.window.set(window.within(self.total_ns()));
    }

    /// Zooms about the cursor's span, or the middle of what is shown.
    pub fn zoom(self, factor: f64) {
        let window = self.window.get_untracked();
        let middle = window.from_ns + window.length_ns() / 2.0;
        let at = self.cursor.get_untracked().map(|row| {
            let (offset, length) = self.extent(row);
            offset as f64 + length as f64 / 2.0
        });
        let is_shown = |ns: &f64| (window.from_ns..=window.to_ns).contains(ns);
        self.set_window(window.zoomed(at.filter(is_shown).unwrap_or(middle), factor));
    }

    pub fn pan(self, share: f64) {
        self.set_window(self.window.get_untracked().panned(share));
    }

    pub fn zoom_to_cursor(self) {
        if let Some(row) = self.cursor.get_untracked() {
            let (offset, length) = self.extent(row);
            self.set_window(Window::around(offset, length));
        }
    }

    pub fn zoom_out(self) {
        self.window.set(Window::whole(self.total_ns()));
    }
}

/// A memo of something large: any recomputation counts as a change, none is compared.
fn memo_of_arc<T: Send + Sync + 'static>(compute: impl Fn() -> T + Send + Sync + 'static) -> Memo<Arc<T>> {
    Memo::new_with_compare(move |_| Arc::new(compute()), |_, _| true)
}
