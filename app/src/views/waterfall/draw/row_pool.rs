//! The rows on screen as elements: a fixed handful, refilled as the list scrolls under them.
//!
//! A row of the list always lands in the same slot (its index modulo the number of slots), so scrolling by one row
//! refills one slot. Text is written only where it differs. The elements form the tree grid that assistive technology
//! reads.

use model::trace::flaw::Flaw;
use model::trace::outline::{Gap, Group};
use model::trace::{Extra, mark};
use model::{Nanos, SpanKind};
use wasm_bindgen::JsCast;
use web_sys::{Element, FocusOptions, HtmlElement};

use super::Scene;
use crate::browser::document;
use crate::format::{count, delta, duration, offset};
use crate::views::span_detail::text::rank_text;
use crate::views::stage::Staged;
use crate::views::waterfall::layout::{ROW_PX, indent, indent_step_px};

/// One row. Only names, numbers and states are filled in later.
const ROW_HTML: &str = "<div role=\"gridcell\" class=\"Waterfall-name\"><i class=\"Waterfall-indent\"></i>\
<span class=\"Waterfall-depth\"></span><span class=\"Waterfall-toggle\" aria-hidden=\"true\"></span>\
<i class=\"Waterfall-mark\"></i><i class=\"Waterfall-kind\"></i><span class=\"Waterfall-words\">\
<span class=\"Waterfall-operation\"></span><span class=\"Waterfall-service\"></span>\
<span class=\"Waterfall-fact\"></span></span></div>\
<div role=\"gridcell\" class=\"Waterfall-start\"></div><div role=\"gridcell\" class=\"Waterfall-duration\"></div>\
<div role=\"gridcell\" class=\"Waterfall-self\"></div><div role=\"gridcell\" class=\"Waterfall-lane\"></div>";

/// Events named in a row's tooltip.
const EVENTS_TOLD: usize = 5;

/// The states a row can be in, beside what it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowState {
    pub is_cursor: bool,
    pub is_open: bool,
    pub is_hit: bool,
    /// Takes the tabulator: the cursor's row, or the first while there is none.
    pub is_tab_stop: bool,
}

/// What a slot says at the moment.
#[derive(Clone, Copy, PartialEq)]
struct Content {
    row: u32,
    index: usize,
    is_folded: bool,
    name_px: f64,
    step_px: f64,
    /// Levels above the topmost row listed, which nothing is set in for.
    top_depth: u32,
    flaw: Option<Flaw>,
    is_corrected: bool,
    is_learned: bool,
    is_ranked: bool,
}

struct Slot {
    root: HtmlElement,
    indent: HtmlElement,
    depth: Element,
    toggle: Element,
    mark: HtmlElement,
    kind: Element,
    operation: Element,
    service: Element,
    fact: Element,
    start: Element,
    duration: Element,
    self_time: Element,
    lane: Element,
    content: Option<Content>,
    state: RowState,
}

pub struct RowPool {
    sheet: Element,
    slots: Vec<Slot>,
}

impl RowPool {
    /// Takes the place of an earlier pool, if there was one on this sheet.
    pub fn new(sheet: Element) -> RowPool {
        while let Ok(Some(row)) = sheet.query_selector(".Waterfall-row") {
            row.remove();
        }
        RowPool { sheet, slots: Vec::new() }
    }

    /// Shows the scene's rows. `state_of` is asked for every one of them.
    pub fn show(
        &mut self,
        scene: &Scene,
        name_px: f64,
        is_folded: impl Fn(u32) -> bool,
        state_of: impl Fn(u32, usize) -> RowState,
    ) {
        let step_px = indent_step_px(scene.staged.deepest, name_px);
        self.grow(scene.visible.len());
        let slot_count = self.slots.len();
        let mut is_used = vec![false; slot_count];
        for index in scene.visible.clone() {
            let Some(row) = scene.rows.at(index) else {
                continue;
            };
            let slot = &mut self.slots[index % slot_count];
            is_used[index % slot_count] = true;
            let content = Content {
                row,
                index,
                is_folded: is_folded(row),
                name_px,
                step_px,
                top_depth: scene.rows.top_depth(),
                flaw: scene.why.and_then(|why| why.flaw(row)),
                is_corrected: scene.clock.is_some(),
                is_learned: scene.learned.is_some(),
                is_ranked: scene.ranks.contains_key(&row),
            };
            if slot.content != Some(content) {
                slot.fill(scene.staged, content);
                slot.say_more(scene, row);
            }
            slot.set_state(scene.staged, state_of(row, index));
            let y = (index as f64 * ROW_PX - scene.top_px).round();
            let _ = slot.root.style().set_property("transform", &format!("translateY({y}px)"));
        }
        for slot in self.slots.iter_mut().zip(is_used).filter(|(_, used)| !used).map(|(slot, _)| slot) {
            if slot.content.take().is_some() {
                slot.root.set_hidden(true);
            }
        }
    }

    /// Puts the focus on a row. Says whether it is on screen.
    pub fn focus(&self, row: u32) -> bool {
        let found = self.slots.iter().find(|slot| slot.content.is_some_and(|c| c.row == row));
        let options = FocusOptions::new();
        options.set_prevent_scroll(true);
        found.is_some_and(|slot| slot.root.focus_with_options(&options).is_ok())
    }

    /// The row that has the focus, if one has.
    pub fn focused_row(&self) -> Option<u32> {
        self.row_of(&document().active_element()?)
    }

    /// The row an element of a slot belongs to at the moment.
    pub fn row_of(&self, element: &Element) -> Option<u32> {
        let is_same = |slot: &&Slot| slot.root.is_same_node(Some(element));
        self.slots.iter().find(is_same).and_then(|slot| slot.content).map(|content| content.row)
    }

    fn grow(&mut self, wanted: usize) {
        if self.slots.len() >= wanted {
            return;
        }
        // The modulus changes, so nothing stays where it was.
        self.slots.iter_mut().for_each(|slot| slot.content = None);
        while self.slots.len() < wanted {
            let Some(slot) = Slot::new(&self.sheet) else {
                return;
            };
            self.slots.push(slot);
        }
    }
}

impl Slot {
    fn new(sheet: &Element) -> Option<Slot> {
        let root: HtmlElement = document().create_element("div").ok()?.dyn_into().ok()?;
        root.set_inner_html(ROW_HTML);
        root.set_attribute("role", "row").ok()?;
        root.set_attribute("data-testid", "span-row").ok()?;
        root.set_tab_index(-1);
        let part = |class: &str| root.query_selector(&format!(".Waterfall-{class}")).ok().flatten();
        let slot = Slot {
            indent: part("indent")?.dyn_into().ok()?,
            depth: part("depth")?,
            toggle: part("toggle")?,
            mark: part("mark")?.dyn_into().ok()?,
            kind: part("kind")?,
            operation: part("operation")?,
            service: part("service")?,
            fact: part("fact")?,
            start: part("start")?,
            duration: part("duration")?,
            self_time: part("self")?,
            lane: part("lane")?,
            content: None,
            state: RowState::default(),
            root,
        };
        sheet.append_child(&slot.root).ok()?;
        Some(slot)
    }

    fn fill(&mut self, staged: &Staged, content: Content) {
        let row = content.row as usize;
        let tree = &staged.outline.tree;
        let depth = tree.depth[row].saturating_sub(content.top_depth);
        let indent = indent(depth, content.step_px, content.name_px);
        let _ = self.indent.style().set_property("width", &format!("{}px", indent.px));
        set_text(&self.depth, &if indent.is_capped { count(u64::from(depth)) } else { String::new() });
        self.fill_toggle(tree.child_count[row], tree.size[row], content.is_folded);
        match staged.outline.extra(content.row) {
            None => self.fill_span(staged, row, content.flaw),
            Some(Extra::Group(group)) => self.fill_group(staged, group),
            Some(Extra::Gap(gap)) => self.fill_gap(staged, gap),
        }
        let attributes = [("aria-level", depth + 1), ("aria-rowindex", content.index as u32 + 2)];
        for (name, value) in attributes {
            let _ = self.root.set_attribute(name, &value.to_string());
        }
        let _ = match tree.child_count[row] {
            0 => self.root.remove_attribute("aria-expanded"),
            _ => self.root.set_attribute("aria-expanded", if content.is_folded { "false" } else { "true" }),
        };
        self.root.set_hidden(false);
        self.content = Some(content);
        self.write_class(staged);
    }

    fn fill_span(&self, staged: &Staged, row: usize, flaw: Option<Flaw>) {
        let (trace, tree) = (&staged.trace, &staged.tree);
        let color = format!("var(--service-{})", staged.colors[trace.service[row] as usize]);
        let _ = self.mark.style().set_property("background", &color);
        self.kind.set_class_name(kind_class(trace.kind[row]));
        set_text(&self.operation, or(trace.operation_name(row), "(no name)"));
        set_text(&self.service, trace.service_name(row));
        match flaw {
            None => set_text(&self.fact, trace.fact_text(row)),
            Some(flaw) => set_text(&self.fact, &format!("⚠ {} {}", flaw.words(), trace.fact_text(row))),
        }
        set_text(&self.start, &format!("+{}", offset(Nanos(trace.offset[row]))));
        set_text(&self.duration, &duration(Nanos(trace.length[row])));
        set_text(&self.self_time, &duration(Nanos(tree.self_time[row])));
        set_text(&self.lane, if trace.is_error(row) { "error" } else { "" });
        let _ = self.root.set_attribute("data-span-id", &trace.span_id[row].to_string());
        let _ = self.root.set_attribute("title", &title(staged, row));
    }

    /// How usual its duration is; where the clocks were set right, by how much, and how sure that is.
    fn say_more(&self, scene: &Scene, row: u32) {
        let at = row as usize;
        let mut lines = Vec::new();
        lines.extend(scene.ranks.get(&row).map(rank_text));
        lines.extend(scene.learned.and_then(|learned| learned.words(at)));
        let moved = scene
            .clock
            .filter(|_| scene.learned.is_none())
            .filter(|clock| clock.shift.get(at).is_some_and(|shift| *shift != 0));
        if let Some(clock) = moved {
            let sure = duration(Nanos(clock.slack[at]));
            lines.push(format!("clock set right by {} ± {sure}", delta(clock.shift[at])));
        }
        if !lines.is_empty() {
            lines.insert(0, title(scene.staged, at));
            let _ = self.root.set_attribute("title", &lines.join("\n"));
        }
    }

    fn fill_group(&self, staged: &Staged, group: &Group) {
        let (trace, first) = (&staged.trace, group.first as usize);
        let color = format!("var(--service-{})", staged.colors[trace.service[first] as usize]);
        let _ = self.mark.style().set_property("background", &color);
        self.kind.set_class_name(kind_class(trace.kind[first]));
        set_text(&self.operation, &format!("×{} {}", count(group.count.into()), trace.operation_name(first)));
        set_text(&self.service, trace.service_name(first));
        let [shortest, p50, p95, longest] = group.quantiles().map(duration);
        let failed = match group.errors {
            0 => String::new(),
            errors => format!(", {} failed", count(errors.into())),
        };
        let line = group.sparkline();
        set_text(&self.fact, &format!("{shortest} {line} {longest}{failed}"));
        set_text(&self.start, &format!("+{}", offset(Nanos(group.start))));
        set_text(&self.duration, &duration(Nanos(group.end - group.start)));
        set_text(&self.self_time, &duration(group.self_time));
        set_text(&self.lane, if group.errors > 0 { "error" } else { "" });
        let title = format!(
            "{} spans alike{failed}\n{shortest} to {longest}, p50 {p50}, p95 {p95}, in sum {}",
            count(group.count.into()),
            duration(group.total)
        );
        let _ = self.root.remove_attribute("data-span-id");
        let _ = self.root.set_attribute("title", &title);
    }

    fn fill_gap(&self, staged: &Staged, gap: &Gap) {
        let _ = self.mark.style().set_property("background", "none");
        self.kind.set_class_name("Waterfall-kind is-gap");
        set_text(&self.operation, &gap.label());
        for empty in [&self.service, &self.fact, &self.duration, &self.self_time, &self.lane] {
            set_text(empty, "");
        }
        set_text(&self.start, &format!("+{}", offset(Nanos(staged.trace.offset[gap.first as usize]))));
        let _ = self.root.remove_attribute("data-span-id");
        let _ = self.root.set_attribute("title", gap.cause.explanation());
    }

    fn fill_toggle(&self, child_count: u32, size: u32, is_folded: bool) {
        let (class, text) = match (child_count, is_folded) {
            (0, _) => ("Waterfall-toggle is-leaf", String::new()),
            (_, true) => ("Waterfall-toggle is-folded", count(u64::from(size - 1))),
            (_, false) => ("Waterfall-toggle", String::new()),
        };
        self.toggle.set_class_name(class);
        set_text(&self.toggle, &text);
    }

    fn set_state(&mut self, staged: &Staged, state: RowState) {
        if self.state != state {
            self.state = state;
            self.write_class(staged);
            let _ = self.root.set_attribute("aria-selected", if state.is_open { "true" } else { "false" });
            self.root.set_tab_index(if state.is_tab_stop { 0 } else { -1 });
        }
    }

    fn write_class(&self, staged: &Staged) {
        let Some(content) = self.content else {
            return;
        };
        let row = content.row as usize;
        let is_span = staged.outline.is_span(content.row);
        let is_error = is_span && staged.trace.is_error(row);
        let hides_error = content.is_folded && !is_error && staged.outline.tree.errors[row] > 0;
        let is_gap = matches!(staged.outline.extra(content.row), Some(Extra::Gap(_)));
        let states = [
            (is_error, " is-error"),
            (hides_error, " has-error-below"),
            (is_span && staged.trace.is_orphan(row), " is-orphan"),
            (is_gap, " is-gap"),
            (!is_span && !is_gap, " is-group"),
            (content.flaw.is_some(), " is-flawed"),
            (self.state.is_cursor, " is-cursor"),
            (self.state.is_open, " is-open"),
            (self.state.is_hit, " is-hit"),
        ];
        let class =
            states.iter().filter(|(is_on, _)| *is_on).fold("Waterfall-row".to_owned(), |c, (_, s)| c + s);
        self.root.set_class_name(&class);
    }
}

fn set_text(element: &Element, text: &str) {
    element.set_text_content(Some(text));
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

fn kind_class(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Server => "Waterfall-kind is-server",
        SpanKind::Client => "Waterfall-kind is-client",
        SpanKind::Producer => "Waterfall-kind is-producer",
        SpanKind::Consumer => "Waterfall-kind is-consumer",
        SpanKind::Internal | SpanKind::Unspecified => "Waterfall-kind",
    }
}

/// Everything the row says, uncut, with what there was no room for.
fn title(staged: &Staged, row: usize) -> String {
    let (trace, tree) = (&staged.trace, &staged.tree);
    let mut lines = vec![
        trace.operation_name(row).to_owned(),
        format!("{} · {}", trace.service_name(row), trace.kind[row].name()),
        format!(
            "{}, self {}, at +{}",
            duration(Nanos(trace.length[row])),
            duration(Nanos(tree.self_time[row])),
            offset(Nanos(trace.offset[row]))
        ),
    ];
    if !trace.fact_text(row).is_empty() {
        lines.push(trace.fact_text(row).to_owned());
    }
    if trace.is_orphan(row) && trace.parent_id[row] != trace.span_id[row] {
        lines.push(format!("its parent {} is not stored", trace.parent_id[row]));
    }
    let events = trace.events.of_row(row as u32);
    let more = events.len().saturating_sub(EVENTS_TOLD);
    for event in events.take(EVENTS_TOLD).filter_map(|at| trace.events.get(at)) {
        lines.push(format!("+{} {}", offset(Nanos(event.at)), trace.text(event.name)));
    }
    if more > 0 {
        lines.push(format!("and {} more events", count(more as u64)));
    }
    let marks = [(mark::LINKS, "links"), (mark::NOTES, "notes")];
    let marks: Vec<&str> = marks.iter().filter(|(bit, _)| trace.marks[row] & bit != 0).map(|m| m.1).collect();
    if !marks.is_empty() {
        lines.push(format!("has {}", marks.join(", ")));
    }
    lines.join("\n")
}
