//! Rows, cells and differences as markup. Pure.

use std::ops::Range;

use model::trace::diff::{Diff, Entry, Side};
use model::{ApiError, Nanos};

use super::attributes::Difference;
use super::layout::{self, Cell};
use crate::chart::Window;
use crate::chart::color::service_color_css;
use crate::chart::folds::Folds;
use crate::chart::time_axis::ticks;
use crate::format::html::Html;
use crate::format::{count, counted, delta, duration};
use crate::url::diff::WINDOWS;
use crate::url::{DiffPair, TraceView};
use crate::views::waterfall::layout::{ROW_PX, indent_step_px};
use crate::views::waterfall::rows::Folded;

/// Names keep at least this much beside their indent.
const NAME_PX: f64 = 360.0;
/// Ticks are laid out for a lane of this width, and stretched.
const LANE_PX: f64 = 600.0;
/// Places named in the line; the others are one.
const NAMED: usize = 6;
pub const CELL_PX: u32 = 22;

/// A diff with everything computed from it once.
pub struct Compared {
    pub diff: Diff,
    pub sizes: Vec<u32>,
    /// Entries that make one longer than the other, the largest first.
    pub contributions: Vec<(u32, i64)>,
    pub total_ns: u64,
    deepest: u32,
}

/// What is on screen.
pub struct Screen<'a> {
    pub rows: &'a [u32],
    pub visible: Range<usize>,
    /// How far rows are moved down in the content.
    pub top_px: f64,
    pub entry: Option<u32>,
    pub folded: &'a Folded,
    pub window: Window,
}

impl Compared {
    pub fn new(diff: Diff) -> Compared {
        Compared {
            sizes: layout::sizes(&diff),
            total_ns: layout::total_ns(&diff),
            contributions: diff.contributions(),
            deepest: diff.entries.iter().map(|entry| entry.depth).max().unwrap_or_default(),
            diff,
        }
    }

    pub fn axis(window: Window) -> String {
        let mut html = Html::default();
        for tick in ticks(window, LANE_PX, &Folds::default()) {
            html.open("span", &[("class", "Diff-tick"), ("style", &left(tick.px / LANE_PX))]);
            html.text(&tick.label);
            html.close("span");
        }
        html.finish()
    }

    pub fn rows(&self, screen: &Screen) -> String {
        let mut html = Html::default();
        for index in screen.visible.clone() {
            if let Some(entry) = screen.rows.get(index) {
                self.row(&mut html, screen, index, *entry);
            }
        }
        html.finish()
    }

    fn row(&self, html: &mut Html, screen: &Screen, index: usize, at: u32) {
        let entry = &self.diff.entries[at as usize];
        let (service, operation) = (self.diff.text(entry.service), self.diff.text(entry.operation));
        let number = at.to_string();
        let y = index as f64 * ROW_PX + screen.top_px;
        let is_open = !screen.folded.is_folded(at);
        let has_below = self.sizes[at as usize] > 0;
        let is_here = screen.entry == Some(at);
        let mark = layout::mark(entry);
        let mut attributes = vec![
            ("class", if is_here { "Diff-row Diff-line is-cursor" } else { "Diff-row Diff-line" }),
            ("role", "row"),
            ("aria-selected", if is_here { "true" } else { "false" }),
            ("data-testid", "diff-row"),
            ("data-entry", number.as_str()),
        ];
        let (id, level, place, style, title) = (
            format!("diff-{at}"),
            (entry.depth + 1).to_string(),
            (index + 2).to_string(),
            format!("transform:translateY({y}px)"),
            format!("{operation}\n{service} · {}", entry.kind.name()),
        );
        attributes.extend([("id", id.as_str()), ("aria-level", &level), ("aria-rowindex", &place)]);
        attributes.extend([("style", style.as_str()), ("title", &title)]);
        if has_below {
            attributes.push(("aria-expanded", if is_open { "true" } else { "false" }));
        }
        html.open("div", &attributes);
        self.name(html, at, has_below.then_some(is_open));
        html.open("div", &[("role", "gridcell"), ("class", &format!("Diff-change is-{}", mark.word))]);
        html.element("b", "", mark.sign);
        html.text(mark.word);
        html.close("div");
        number_cell(html, "is-number Diff-calls", &layout::calls(entry));
        number_cell(html, "is-number", &length(&entry.a));
        number_cell(html, "is-number", &length(&entry.b));
        let by = layout::delta(entry.b.duration, entry.a.duration);
        number_cell(html, &format!("is-number Diff-delta {}", tilt_class(by)), &delta(by));
        html.open("div", &[("role", "gridcell"), ("class", "Diff-lane")]);
        let color = service_color_css(service);
        for (side, class) in [(&entry.a, "Diff-bar is-first"), (&entry.b, "Diff-bar is-second")] {
            bar(html, side, screen.window, class, &color);
        }
        html.close("div");
        html.close("div");
    }

    /// Whether what is below is unfolded; None when nothing is.
    fn name(&self, html: &mut Html, at: u32, is_open: Option<bool>) {
        let entry = &self.diff.entries[at as usize];
        let service = self.diff.text(entry.service);
        let indent_px = f64::from(entry.depth) * indent_step_px(self.deepest, NAME_PX);
        let style = format!("padding-left:{indent_px}px");
        html.open("div", &[("role", "gridcell"), ("class", "Diff-name"), ("style", &style)]);
        let toggle = match is_open {
            None => "Diff-place",
            Some(true) => "Diff-place Diff-toggle",
            Some(false) => "Diff-place Diff-toggle is-folded",
        };
        html.element("span", toggle, "");
        dot(html, service);
        html.element("span", "Diff-operation", self.diff.text(entry.operation));
        html.element("span", "Diff-service", service);
        html.close("div");
    }

    pub fn flame(&self, cells: &[Cell], entry: Option<u32>) -> String {
        let mut html = Html::default();
        for cell in cells {
            let found = &self.diff.entries[cell.entry as usize];
            let (name, by) = (self.diff.text(found.operation), delta(cell.delta));
            let here = if entry == Some(cell.entry) { "is-cursor" } else { "" };
            // The root, so that a small difference is seen.
            let strength = cell.tilt.abs().sqrt() * 100.0;
            let style = format!(
                "--strength:{strength:.0}%;{};width:{:.4}%;top:{}px",
                left(cell.left),
                cell.width * 100.0,
                cell.depth * CELL_PX
            );
            html.open(
                "div",
                &[
                    ("class", &format!("DiffFlame-cell {} {here}", tilt_class(cell.delta))),
                    ("style", &style),
                    ("title", &format!("{name}\n{}\n{by}", self.diff.text(found.service))),
                    ("data-entry", &cell.entry.to_string()),
                ],
            );
            html.element("b", "", &by);
            html.text(name);
            html.close("div");
        }
        html.finish()
    }

    /// The entry looked at: what it is, how far it spreads, its figures, and the ways to its first calls.
    pub fn panel(&self, at: u32) -> String {
        let entry = &self.diff.entries[at as usize];
        let mut html = Html::default();
        html.element("h2", "DiffPanel-name", self.diff.text(entry.operation));
        dot(&mut html, self.diff.text(entry.service));
        html.text(" ");
        html.text(self.diff.text(entry.service));
        let sample = self.diff.sample.as_ref();
        if let Some((sample, spread)) = sample.and_then(|s| Some((s, s.spread.get(at as usize)?))) {
            let traces = counted(sample.traces.into(), "trace", "traces");
            let (p50, p95) = (duration(Nanos(spread.p50)), duration(Nanos(spread.p95)));
            let text = format!("{} of {traces} have it · median {p50} · p95 {p95}", spread.present);
            html.open("p", &[("class", "DiffPanel-note"), ("data-testid", "diff-spread")]);
            html.text(&text);
            html.close("p");
        }
        html.open("table", &[("class", "DiffPanel-figures")]);
        figures(&mut html, &entry.a, &entry.b);
        html.close("table");
        let sides = [(&self.diff.a, &entry.a, "first"), (&self.diff.b, &entry.b, "second")];
        for (whole, side, name) in sides.into_iter().filter(|(_, side, _)| side.first_span.is_valid()) {
            let view = TraceView { span: Some(side.first_span), ..TraceView::default() };
            html.link("Button is-small", &view.url(whole.trace_id), &format!("Open in the {name}"));
            html.text(" ");
        }
        html.finish()
    }

    /// One of the two, with the ways to it. `begun` is when, as people read it.
    pub fn side(&self, is_first: bool, begun: &str, pair: DiffPair) -> String {
        let diff = &self.diff;
        let whole = if is_first { &diff.a } else { &diff.b };
        let mut html = Html::default();
        let name = if is_first { "First " } else { "Second " };
        html.open("span", &[("class", "DiffHead-which")]);
        html.text(name);
        html.element("b", "", &duration(whole.root_duration));
        html.text(&format!(" {} ", counted(whole.spans.into(), "span", "spans")));
        if whole.errors > 0 {
            html.element("b", "is-failing", &counted(whole.errors.into(), "error", "errors"));
        }
        html.close("span");
        match diff.sample.as_ref().filter(|sample| sample.is_second != is_first) {
            Some(sample) => {
                html.element("b", "DiffHead-name", "What is typical");
                let title = "The mean over the middle half by duration";
                html.open("span", &[("title", title), ("data-testid", "diff-sample")]);
                html.text(&format!("{} of about {} traces, within", sample.traces, count(sample.of)));
                html.close("span");
                for (_, secs, label) in WINDOWS {
                    let class = if pair.window_secs == secs { "is-on" } else { "" };
                    html.link(class, &DiffPair { window_secs: secs, ..pair }.url(), label);
                }
            }
            None => {
                let has = |entry: &&Entry| if is_first { entry.a.calls > 0 } else { entry.b.calls > 0 };
                let root = diff.entries.iter().find(has);
                let service = root.map_or("", |root| diff.text(root.service));
                let operation = root.map_or("", |root| diff.text(root.operation));
                dot(&mut html, service);
                let view = TraceView::default().url(whole.trace_id);
                html.link("DiffHead-name", &view, &format!("{service} {operation}"));
                html.element("span", "DiffHead-begun", begun);
            }
        }
        html.finish()
    }

    /// One sentence whose parts add up, each a way to its row.
    pub fn parts(&self) -> String {
        let (by, all) = (self.diff.delta(), &self.contributions);
        let mut html = Html::default();
        html.text(&match (by, all.is_empty()) {
            (0, true) => "Both waited for the same, equally long.".to_owned(),
            (0, false) => "Both took the same time:".to_owned(),
            (by, _) => {
                let longer = if by > 0 { "longer" } else { "less" };
                format!("The second took {} {longer}:", duration(Nanos(by.unsigned_abs())))
            }
        });
        let named = if all.len() > NAMED + 1 { NAMED } else { all.len() };
        for (at, ns) in &all[..named] {
            let entry = &self.diff.entries[*at as usize];
            let (service, operation) = (self.diff.text(entry.service), self.diff.text(entry.operation));
            html.open(
                "button",
                &[
                    ("type", "button"),
                    ("class", &format!("DiffPart {}", tilt_class(*ns))),
                    ("data-testid", "diff-part"),
                    ("data-entry", &at.to_string()),
                    ("title", &format!("{service} {operation}: time of its own on the critical path")),
                ],
            );
            html.element("b", "", &delta(*ns));
            dot(&mut html, service);
            html.element("span", "", operation);
            html.close("button");
        }
        if named < all.len() {
            let rest: i64 = all[named..].iter().map(|(_, ns)| ns).sum();
            let places = counted((all.len() - named) as u64, "other place", "other places");
            html.element("span", "DiffHead-rest", &format!("{} in {places}", delta(rest)));
        }
        html.finish()
    }
}

/// Figures of both sides beside each other.
fn figures(html: &mut Html, a: &Side, b: &Side) {
    let time = |ns: u64| if ns == 0 { "–".to_owned() } else { duration(Nanos(ns)) };
    let mut line = |name: &str, a: String, b: String, by: String| {
        html.open("tr", &[]);
        html.element("th", "", name);
        for text in [a, b, by] {
            html.element("td", "", &text);
        }
        html.close("tr");
    };
    line("", "First".to_owned(), "Second".to_owned(), "Difference".to_owned());
    for (name, a, b) in [("Calls", a.calls, b.calls), ("Failed", a.errors, b.errors)] {
        line(name, count(a.into()), count(b.into()), String::new());
    }
    for (name, a, b) in [
        ("Durations, added up", a.duration, b.duration),
        ("Of its own", a.self_time, b.self_time),
        ("On the critical path", a.critical, b.critical),
    ] {
        line(name, time(a), time(b), delta(layout::delta(b, a)));
    }
}

/// What two spans say differently, and how many keys say the same.
pub fn differences(found: &[Difference], same: usize) -> String {
    let mut html = Html::default();
    html.element("h3", "DiffPanel-title", "Attributes of the first call that differ");
    html.open("dl", &[]);
    for difference in found {
        html.open("div", &[("class", "DiffPanel-attribute"), ("data-testid", "diff-attribute")]);
        html.element("dt", "", &difference.key);
        for value in [&difference.a, &difference.b] {
            let class = if value.is_some() { "" } else { "is-missing" };
            html.element("dd", class, value.as_deref().unwrap_or("not there"));
        }
        html.close("div");
    }
    html.close("dl");
    let keys = counted(same as u64, "key says", "keys say");
    html.element("p", "DiffPanel-note", &format!("{keys} the same."));
    html.finish()
}

/// In place of what was asked for.
pub fn failed(error: &ApiError) -> String {
    let mut html = Html::default();
    html.open("p", &[("class", "DiffPanel-note"), ("role", "alert")]);
    html.text(&error.message);
    html.close("p");
    html.finish()
}

fn bar(html: &mut Html, side: &Side, window: Window, class: &str, color: &str) {
    let Some((from, width)) = layout::bar(side, window) else { return };
    let style = format!("left:{from:.3}%;width:{width:.3}%;background:{color}");
    let class = if side.errors > 0 { format!("{class} is-failed") } else { class.to_owned() };
    html.open("i", &[("class", &class), ("style", &style)]);
    html.close("i");
}

fn number_cell(html: &mut Html, class: &str, text: &str) {
    html.open("div", &[("role", "gridcell"), ("class", class)]);
    html.text(text);
    html.close("div");
}

fn dot(html: &mut Html, service: &str) {
    let style = format!("background:{}", service_color_css(service));
    html.open("i", &[("class", "Service-dot"), ("style", &style)]);
    html.close("i");
}

fn length(side: &Side) -> String {
    if side.calls == 0 { "–".to_owned() } else { duration(Nanos(side.duration)) }
}

fn tilt_class(by: i64) -> &'static str {
    match by {
        0 => "",
        1.. => "is-more",
        _ => "is-less",
    }
}

fn left(share: f64) -> String {
    format!("left:{:.4}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use model::trace::drawn;

    use super::*;

    #[test]
    fn a_row_says_everything_and_escapes_it() {
        let diff = Diff::new(
            &drawn::trace("shop <b>GET</b> 0..100\n  cart get 10..20"),
            &drawn::trace("shop <b>GET</b> 0..150 error\n  cart get 10..20"),
        );
        let compared = Compared::new(diff);
        let folded = Folded::none(2);
        let window = Window { from_ns: 0.0, to_ns: 100e6 };
        let mut screen =
            Screen { rows: &[0, 1], visible: 0..1, top_px: 5.0, entry: Some(0), folded: &folded, window };
        let row = compared.rows(&screen);
        for part in [
            "aria-level=\"1\"",
            "aria-expanded=\"true\"",
            "translateY(5px)",
            "&lt;b&gt;GET&lt;/b&gt;",
            "is-error",
            "+50.0 ms",
            "Diff-bar is-second is-failed",
            "width:100.000%",
        ] {
            assert!(row.contains(part), "{part}: {row}");
        }
        assert!(!row.contains("<b>GET"), "{row}");
        screen.visible = 1..9;
        screen.window = Window { from_ns: 15e6, to_ns: 55e6 };
        let row = compared.rows(&screen);
        assert!(row.contains("translateY(27px)") && !row.contains("aria-expanded"), "{row}");
        assert!(row.contains("left:0.000%;width:12.500%"), "{row}");
        screen.window = Window { from_ns: 30e6, to_ns: 55e6 };
        assert!(!compared.rows(&screen).contains("Diff-bar"));
        assert!(compared.panel(0).contains("<td class=\"\">150 ms</td>"));
        let cells = layout::flame(&compared.diff);
        assert!(compared.flame(&cells, Some(1)).contains("DiffFlame-cell  is-cursor"));
    }
}
