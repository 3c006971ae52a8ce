//! What stands beside the lines, as markup: names with what they come to, values at a step, all of it as a table.

use model::order::{falling, sort_by};
use model::view::{Series, SeriesSet};
use model::{Nanos, Timestamp};

use super::layout::{Unit, color, name};
use crate::format::clock;
use crate::format::html::Html;

/// Values told where the pointer is; the largest of them.
const TOLD: usize = 12;

pub fn time_of(set: &SeriesSet, step: usize) -> Timestamp {
    set.start.plus(Nanos(set.step.0.saturating_mul(step as u64)))
}

fn swatch(html: &mut Html, series: &Series, at: usize) {
    html.open(
        "i",
        &[("class", "Service-dot"), ("style", &format!("background: var(--service-{})", color(series, at)))],
    );
    html.close("i");
}

/// The values from one step to another, both included; those of the one pointed at.
pub fn tip(set: &SeriesSet, unit: Unit, at: usize, selected: Option<(usize, usize)>, offset: i32) -> String {
    let time = |step| clock::time_millis(time_of(set, step), offset)[..8].to_owned();
    let (from, to) = selected.unwrap_or((at, at));
    let mut html = Html::default();
    html.element("b", "", &(time(from) + " – " + &time(to + 1)));
    if selected.is_some() {
        html.element("span", "", "Release or press Enter to search in here");
    }
    let there = set.series.iter().enumerate();
    let mut there: Vec<(usize, f64)> =
        there.filter_map(|(n, series)| Some((n, (*series.points.get(at)?)?))).collect();
    // None is negative, and the bits of others lie in their order.
    sort_by(&mut there, |(n, value)| (falling(value.max(0.0).to_bits()), *n as u64));
    let more = there.len().saturating_sub(TOLD);
    for (n, value) in there.into_iter().take(TOLD) {
        html.open("span", &[]);
        swatch(&mut html, &set.series[n], n);
        html.text(&name(&set.series[n]));
        html.element("b", "", &unit.text(value));
        html.close("span");
    }
    if more > 0 {
        html.element("span", "", &format!("and {more} more"));
    }
    html.finish()
}

/// A button for each series, numbered by `data-at`.
pub fn legend(set: &SeriesSet, unit: Unit, only: Option<usize>) -> String {
    let mut html = Html::default();
    for (at, series) in set.series.iter().enumerate() {
        let last = series.points.iter().rev().flatten().next().copied();
        let most = series.points.iter().flatten().copied().reduce(f64::max);
        let text = |value: Option<f64>| value.map_or_else(String::new, |value| unit.text(value));
        let is_on = only == Some(at);
        html.open(
            "button",
            &[
                ("type", "button"),
                ("class", if is_on { "Series-name is-on" } else { "Series-name" }),
                ("data-testid", "series-name"),
                ("data-at", &at.to_string()),
                ("aria-pressed", if is_on { "true" } else { "false" }),
                ("title", "Show this one alone"),
            ],
        );
        swatch(&mut html, series, at);
        html.element("span", "Series-label", &name(series));
        html.element("span", "Series-value", &(text(last) + " · most " + &text(most)));
        html.close("button");
    }
    html.finish()
}

/// A row for each step, a column for each series.
pub fn table(set: &SeriesSet, unit: Unit, offset: i32) -> String {
    let steps = set.series.iter().map(|series| series.points.len()).max().unwrap_or(0);
    let mut html = Html::default();
    html.open("table", &[]);
    html.open("thead", &[]);
    html.open("tr", &[]);
    let head = |html: &mut Html, scope: &str, text: &str| {
        html.open("th", &[("scope", scope)]);
        html.text(text);
        html.close("th");
    };
    head(&mut html, "col", "Time");
    set.series.iter().for_each(|series| head(&mut html, "col", &name(series)));
    html.close("tr");
    html.close("thead");
    html.open("tbody", &[]);
    for step in 0..steps {
        html.open("tr", &[]);
        head(&mut html, "row", &clock::date_field(time_of(set, step), offset).replace('T', " "));
        for series in &set.series {
            let value = series.points.get(step).copied().flatten();
            html.element("td", "", &value.map_or_else(|| "–".to_owned(), |value| unit.text(value)));
        }
        html.close("tr");
    }
    html.close("tbody");
    html.close("table");
    html.finish()
}

#[cfg(test)]
mod tests {
    //! Names from outside stay text, and every value is told.
    use model::AttrValue;

    use super::*;

    #[test]
    fn all_three_say_the_same_values() {
        let series = |name: &str, points: &[Option<f64>]| Series {
            labels: vec![("name".to_owned(), AttrValue::Str(name.to_owned()))],
            points: points.to_vec(),
        };
        let all = vec![series("<a>", &[Some(1.0), None]), series("b", &[Some(2.0), Some(4.0)])];
        let set = SeriesSet { step: Nanos(1_000_000_000), series: all, ..SeriesSet::default() };
        let tip = tip(&set, Unit::Number, 0, None, 0);
        assert!(tip.find("b<b").unwrap() < tip.find("&lt;a&gt;").unwrap(), "the largest first: {tip}");
        let legend = legend(&set, Unit::Number, Some(1));
        assert!(legend.contains("4 · most 4") && legend.contains("1 · most 1"), "{legend}");
        assert_eq!(legend.matches("aria-pressed=\"true\"").count(), 1);
        let table = table(&set, Unit::Number, 0);
        assert!(table.contains("<td class=\"\">–</td><td class=\"\">4</td>"), "{table}");
    }
}
