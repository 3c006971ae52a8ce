//! Anomalies as markup. Pure: the time and its zone are arguments.

use model::view::{Anomaly, AnomalyList, Changed, Measure, bare};
use model::{Nanos, Timestamp};

use crate::format::html::Html;
use crate::format::{clock, counted, duration, duration_typed};
use crate::url::{ExplainView, ServicesView, TimeRange, TraceView};

/// Without an hour of figures there is little to judge by.
const LEARNED_LEAST: Nanos = Nanos(3_600 * 1_000_000_000);
const MINUTE: u64 = 60 * 1_000_000_000;
const BEFORE: Nanos = Nanos(30 * MINUTE);

type Offset<'a> = &'a dyn Fn(Timestamp) -> i32;

/// How far the judging has come.
pub fn judged(list: &AnomalyList, now: Timestamp) -> String {
    let open = list.anomalies.iter().filter(|anomaly| anomaly.closed.is_none()).count() as u64;
    match list.judged.0 {
        0 => "nothing is judged yet".to_owned(),
        _ if now.since(list.judged).0 > 10 * MINUTE => {
            format!("{} open · judged up to {} ago", open, minutes(now.since(list.judged)))
        }
        _ => format!("{open} open · every minute is judged by what each operation was before"),
    }
}

/// Those of one service, when one is named.
pub fn markup(list: &AnomalyList, service: Option<&str>, now: Timestamp, offset: Offset<'_>) -> String {
    let takes_part = |anomaly: &&Anomaly| {
        let is_it = |changed: &Changed| service.is_none_or(|service| changed.service == service);
        is_it(&anomaly.origin) || anomaly.affected.iter().any(is_it)
    };
    let shown: Vec<&Anomaly> = list.anomalies.iter().filter(takes_part).collect();
    let mut html = Html::default();
    if shown.is_empty() {
        nothing(&mut html, list);
        return html.finish();
    }
    html.open("ul", &[("class", "Anomalies-list")]);
    for anomaly in shown {
        one(&mut html, anomaly, now, offset);
    }
    html.close("ul");
    html.finish()
}

fn nothing(html: &mut Html, list: &AnomalyList) {
    let is_new = list.judged.since(list.known_since) < LEARNED_LEAST;
    let (title, text) = match list.judged.0 {
        0 => ("Nothing is judged yet", "Figures are judged a minute or two after the first spans arrive."),
        _ if is_new => (
            "Nothing is out of the ordinary, as far as is known",
            "What is ordinary is still being learned: it takes half an hour of traffic, and gets surer with each day.",
        ),
        _ => (
            "Nothing is out of the ordinary",
            "Every operation is as slow, as busy and as faulty as it usually is. Look further back for what has passed.",
        ),
    };
    html.open("div", &[("class", "Message"), ("data-testid", "no-anomaly")]);
    html.element("h2", "Message-title", title);
    html.element("p", "Message-text", text);
    html.close("div");
}

fn one(html: &mut Html, anomaly: &Anomaly, now: Timestamp, offset: Offset<'_>) {
    let state = if anomaly.closed.is_some() { "closed" } else { "open" };
    let class = if anomaly.closed.is_some() { "Anomaly" } else { "Anomaly is-open" };
    html.open("li", &[("class", class), ("data-testid", "anomaly"), ("data-state", state)]);
    html.open("h2", &[("class", "Anomaly-title")]);
    html.element("span", "Anomaly-state", state);
    let origin = &anomaly.origin;
    if origin.service.is_empty() {
        html.text(origin.who());
    } else {
        html.link("Anomaly-link", &page_of(origin), origin.who());
    }
    html.text(" ");
    html.text(&origin.words());
    html.close("h2");
    html.open("p", &[("class", "Anomaly-line")]);
    html.text(&when(anomaly, now, offset));
    if !origin.operation.is_empty() {
        html.text(" · ");
        html.element("code", "", &origin.operation);
    }
    html.close("p");
    affected(html, anomaly);
    examples(html, anomaly);
    html.close("li");
}

/// `since 12:03 (14 min) · seen by 1,204 calls · 99.9 % sure`
fn when(anomaly: &Anomaly, now: Timestamp, offset: Offset<'_>) -> String {
    let time = |time: Timestamp| clock::time_millis(time, offset(time))[..5].to_owned();
    let begun = match anomaly.closed {
        None => format!("since {} ({})", time(anomaly.start), minutes(now.since(anomaly.start))),
        Some(end) => {
            format!("{} – {} ({})", time(anomaly.start), time(end), minutes(end.since(anomaly.start)))
        }
    };
    let calls = counted(anomaly.origin.calls, "call", "calls");
    let sure = (anomaly.confidence * 1_000.0).round() as u64;
    format!("{begun} · seen by {calls} in 5 minutes · {}.{} % sure", sure / 10, sure % 10)
}

fn minutes(length: Nanos) -> String {
    if length.0 < 60 * MINUTE { format!("{} min", length.0 / MINUTE) } else { duration(length) }
}

fn affected(html: &mut Html, anomaly: &Anomaly) {
    if anomaly.affected.is_empty() {
        return;
    }
    html.open("details", &[("class", "Anomaly-affected")]);
    html.element("summary", "", &counted(anomaly.affected.len() as u64, "more change", "more changes"));
    html.open("ul", &[]);
    for changed in &anomaly.affected {
        html.open("li", &[]);
        html.link("", &page_of(changed), changed.who());
        html.text(" ");
        html.text(&changed.words());
        if !changed.operation.is_empty() {
            html.text(" · ");
            html.element("code", "", &changed.operation);
        }
        html.close("li");
    }
    html.close("ul");
    html.close("details");
}

fn examples(html: &mut Html, anomaly: &Anomaly) {
    let explained = explain(anomaly);
    if anomaly.traces.is_empty() && explained.is_none() {
        return;
    }
    html.open("p", &[("class", "Anomaly-line")]);
    if !anomaly.traces.is_empty() {
        html.text("Traces that show it: ");
    }
    for id in &anomaly.traces {
        html.link("Anomaly-trace", &TraceView::default().url(*id), &id.to_string()[..8]);
        html.text(" ");
    }
    if let Some(view) = explained {
        html.link("Anomaly-explain", &view.url(), "What sets them apart");
    }
    html.close("p");
}

/// The calls that failed or were slow, beside the others since half an hour before it.
fn explain(anomaly: &Anomaly) -> Option<ExplainView> {
    let origin = &anomaly.origin;
    let part = match origin.measure {
        Measure::OwnErrors | Measure::Errors => "error".to_owned(),
        Measure::OwnTime | Measure::Duration => {
            let between = Nanos(((origin.now + origin.usual) / 2.0).max(0.0) as u64);
            format!("duration>={}", duration_typed(between))
        }
        _ => return None,
    };
    let end = anomaly.closed.unwrap_or(anomaly.last_seen).plus(Nanos(MINUTE));
    let range = TimeRange::around(anomaly.start.minus(BEFORE), end);
    let operation = Some(origin.operation.as_str()).filter(|name| !name.is_empty());
    let is_known = !origin.service.is_empty();
    is_known.then(|| ExplainView::of_calls(&origin.service, operation, &part, range))
}

/// The page of its service, with its operation.
fn page_of(changed: &Changed) -> String {
    let operation = Some(changed.operation.clone()).filter(|name| !name.is_empty());
    let service = if changed.service.is_empty() { bare(&changed.peer) } else { &changed.service };
    ServicesView { operation, ..ServicesView::default() }.url(Some(service))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(service: &str, measure: Measure) -> Changed {
        let (operation, usual) = ("GET /<x>".to_owned(), 0.001);
        Changed {
            service: service.into(),
            operation,
            measure,
            now: 0.25,
            usual,
            calls: 120,
            ..Changed::default()
        }
    }

    fn at(minute: u64) -> Timestamp {
        Timestamp(minute * MINUTE)
    }

    #[test]
    fn one_says_what_since_when_and_where_to_go() {
        let anomaly = Anomaly {
            start: at(10),
            origin: changed("cart", Measure::OwnErrors),
            affected: vec![changed("shop", Measure::Errors)],
            confidence: 0.999,
            traces: vec![model::TraceId([0xab; 16])],
            ..Anomaly::default()
        };
        let list = AnomalyList { anomalies: vec![anomaly], judged: at(20), ..AnomalyList::default() };
        let html = markup(&list, None, at(24), &|_| 0);
        for part in [
            "data-state=\"open\"",
            "fails by itself: 25 % of its calls instead of 0.1 %",
            "since 00:10 (14 min) · seen by 120 calls in 5 minutes · 99.9 % sure",
            "<code class=\"\">GET /&lt;x&gt;</code>",
            "1 more change",
            ">abababab</a>",
            "What sets them apart",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(markup(&list, Some("mail"), at(24), &|_| 0).contains("no-anomaly"));
        assert!(markup(&list, Some("shop"), at(24), &|_| 0).contains("fails by itself"));
        assert!(judged(&list, at(21)).starts_with("1 open"));
        assert!(judged(&list, at(60)).contains("judged up to 40 min ago"));
    }

    #[test]
    fn silence_is_explained() {
        let html = |judged, known_since| {
            let list = AnomalyList { judged, known_since, ..AnomalyList::default() };
            markup(&list, None, at(500), &|_| 0)
        };
        assert!(html(Timestamp(0), Timestamp(0)).contains("Nothing is judged yet"));
        assert!(html(at(30), at(10)).contains("still being learned"));
        assert!(html(at(300), at(10)).contains("as it usually is"));
    }
}
