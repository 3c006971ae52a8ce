//! Facets, heatmaps and completion against counts made in plain Rust from the spans that were sent.

use std::collections::{BTreeMap, HashSet};

use model::view::Heatmap;
use model::{AttrValue, Span, Status, Timestamp};
use serde_json::Value;

use crate::search::{Sent, filled};
use crate::server::now;

const DAY_NANOS: u64 = 86_400_000_000_000;

/// Traces, and failed ones, for each value that matching spans have.
fn counts<'s>(
    sent: &'s Sent,
    matches: impl Fn(&Span) -> bool,
    value: impl Fn(&'s Span) -> Option<String>,
) -> BTreeMap<String, (u64, u64)> {
    let mut counts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for spans in sent.traces.values() {
        let matching: Vec<&Span> = spans.iter().filter(|span| matches(span)).collect();
        let having = |failed: bool| -> HashSet<String> {
            let some = matching.iter().filter(|span| !failed || span.status == Status::Error);
            some.filter_map(|span| value(span)).collect()
        };
        having(false).into_iter().for_each(|value| counts.entry(value).or_default().0 += 1);
        having(true).into_iter().for_each(|value| counts.entry(value).or_default().1 += 1);
    }
    counts
}

fn told(facet: &Value) -> BTreeMap<String, (u64, u64)> {
    let values = facet["values"].as_array().unwrap().iter();
    let number = |value: &Value, name: &str| value[name].as_u64().unwrap();
    values
        .map(|v| (v["value"].as_str().unwrap().to_owned(), (number(v, "traces"), number(v, "errors"))))
        .collect()
}

fn text_of(span: &Span, key: &str) -> Option<String> {
    span.attributes.iter().find(|(k, _)| k == key).and_then(|(_, value)| match value {
        AttrValue::Str(text) => Some(text.clone()),
        _ => None,
    })
}

#[tokio::test]
async fn many_traces_are_counted_right() {
    let (server, sent) = filled().await;
    let from = now().0 - DAY_NANOS;

    let path = format!("/api/facets?start={from}&fields=resource.service.name,span.app.region,status");
    let (status, facets) = server.get(&path).await;
    assert_eq!(status, 200, "{facets}");
    assert_eq!((&facets["sampled"], &facets["traces"]), (&1.0.into(), &sent.traces.len().into()));
    let facet = |n: usize| told(&facets["facets"][n]);
    assert_eq!(facet(0), counts(&sent, |_| true, |s| Some(s.service.clone())), "from the pieces' groups");
    assert_eq!(facet(1), counts(&sent, |_| true, |s| text_of(s, "app.region")), "from spans");
    assert_eq!(facet(2), counts(&sent, |_| true, |s| Some(s.status.name().to_owned())));

    // What matches is counted, not what else is in the trace.
    let failed = |s: &Span| s.status == Status::Error && s.duration.0 > 1_000_000;
    let path = format!("/api/facets?start={from}&q=error+duration%3E1ms&fields=resource.service.name,name");
    let (_, facets) = server.get(&path).await;
    assert_eq!(told(&facets["facets"][0]), counts(&sent, failed, |s| Some(s.service.clone())));
    let path = format!("/api/facets?start={from}&service=cart&fields=name");
    let (_, facets) = server.get(&path).await;
    let of_cart = counts(&sent, |s| s.service == "cart", |s| Some(s.operation.clone()));
    assert_eq!(told(&facets["facets"][0]), of_cart);

    map_is_right(&server, &sent, from, "", |_| true).await;
    map_is_right(&server, &sent, from, "&q=error", |s| s.status == Status::Error).await;
    map_is_right(&server, &sent, from, "&q=error+duration%3E1ms", failed).await;
    series_add_up(&server, &sent, from).await;
    completion_knows_what_there_is(&server, &sent).await;
}

async fn series_add_up(server: &crate::server::TestServer, sent: &Sent, from: u64) {
    let ask = async |query: &str| -> BTreeMap<String, Vec<f64>> {
        let path = format!("/api/metrics/query_range?start={from}&step_ms=600000&q={query}");
        let (status, set) = server.get(&path).await;
        assert_eq!((status, &set["complete"]), (200, &true.into()), "{set}");
        let points = |series: &Value| {
            let labels = series["labels"].as_object().unwrap().values().map(ToString::to_string);
            let points = series["points"].as_array().unwrap().iter().filter_map(Value::as_f64).collect();
            (labels.collect::<Vec<_>>().join(" "), points)
        };
        set["series"].as_array().unwrap().iter().map(points).collect()
    };
    let mut failed: BTreeMap<String, f64> = BTreeMap::new();
    let mut longest: f64 = 0.0;
    for span in sent.traces.values().flatten() {
        if span.status == Status::Error {
            *failed.entry(format!("\"{}\"", span.service)).or_default() += 1.0;
        }
        if span.service == "cart" {
            longest = longest.max(span.duration.0 as f64);
        }
    }
    let total = |points: &Vec<f64>| points.iter().sum::<f64>();
    let counted = ask("%7Bstatus%3Derror%7D%7Ccount_over_time()by(resource.service.name)").await;
    assert_eq!(
        counted.iter().map(|(name, points)| (name.clone(), total(points))).collect::<BTreeMap<_, _>>(),
        failed
    );
    // The same of spans, step by step.
    let by_name = "count_over_time()by(resource.service.name,name,kind)";
    for condition in
        ["", "status%3Derror%26%26name%21%3D%22x%22", "%21%28status%3Derror%29%7C%7Ckind%3Dserver"]
    {
        let all = ask(&format!("%7B{condition}%7D%7C{by_name}")).await;
        let of_spans = match condition {
            "" => "duration%3E%3D0ns".to_owned(),
            _ => format!("%28{condition}%29%26%26duration%3E%3D0ns"),
        };
        assert!(!all.is_empty());
        assert_eq!(all, ask(&format!("%7B{of_spans}%7D%7C{by_name}")).await, "{condition}");
    }
    let rates = ask("%7Bstatus%3Derror%7D%7Crate()").await;
    assert!((total(&rates[""]) * 600.0 - failed.values().sum::<f64>()).abs() < 1e-6);
    let maxima = ask("service%3Dcart%7Cmax_over_time(duration)").await;
    assert_eq!(maxima[""].iter().copied().fold(0.0, f64::max), longest);
    let one = ask("%7B%7D%7Ccount_over_time()by(resource.service.name)%7Ctopk(1)").await;
    let steps: usize = one.values().map(Vec::len).sum();
    assert!((144..=146).contains(&steps), "one point is left at each step, not {steps}");
    // As many steps as may be, which begin at whole ten seconds; the last of them has what is left.
    let end = sent.traces.values().flatten().map(|span| span.start.0).max().unwrap() + 1;
    let start = end - 1_440 * 10_000_000_000;
    let path = format!("/api/metrics/query_range?start={start}&end={end}&step_ms=10000&q=%7B%7D%7Crate()");
    let (status, set) = server.get(&path).await;
    assert_eq!(status, 200, "{set}");
    let points = set["series"].as_array().unwrap().iter().map(|one| one["points"].as_array().unwrap().len());
    assert_eq!(points.collect::<Vec<_>>(), [1_440], "{set}");
    let far = format!("start=0&end={}&q=%7Bduration%3E1ms%7D%7Ccount_over_time()", i64::MAX);
    assert_eq!(server.get(&format!("/api/metrics/query_range?{far}")).await.0, 200);
    let (status, error) = server.get("/api/metrics/query_range?q=%7B%7D%3E%7B%7D%7Crate()").await;
    assert_eq!(status, 400, "{error}");
}

async fn map_is_right(
    server: &crate::server::TestServer,
    sent: &Sent,
    from: u64,
    query: &str,
    matches: impl Fn(&Span) -> bool,
) {
    let (status, map) = server.get(&format!("/api/heatmap?start={from}&columns=500{query}")).await;
    assert_eq!(status, 200, "{map}");
    let step = (map["step_ms"].as_f64().unwrap() * 1e6).round() as u64;
    let mut expected: BTreeMap<(u64, u64), (u64, u64)> = BTreeMap::new();
    for spans in sent.traces.values().filter(|spans| spans.iter().any(&matches)) {
        let begins = spans.iter().map(|s| s.start).min().unwrap();
        let ends = spans.iter().map(Span::end).max().unwrap();
        let column = begins.since(Timestamp(from)).0 / step;
        let cell = expected.entry((column, u64::from(Heatmap::row_of(ends.since(begins))))).or_default();
        cell.0 += 1;
        cell.1 += u64::from(spans.iter().any(|s| s.status == Status::Error));
    }
    let number = |cell: &Value, name: &str| cell[name].as_u64().unwrap();
    let told: BTreeMap<(u64, u64), (u64, u64)> = map["cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| {
            let place = (number(c, "column"), number(c, "row"));
            (place, (number(c, "traces"), number(c, "errors")))
        })
        .collect();
    assert_eq!(told, expected, "{query}");
}

async fn completion_knows_what_there_is(server: &crate::server::TestServer, sent: &Sent) {
    let (_, known) = server.get("/api/attributes").await;
    let known: HashSet<(&str, &str)> = known["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| (key["scope"].as_str().unwrap(), key["key"].as_str().unwrap()))
        .collect();
    let spans = || sent.traces.values().flatten();
    for span in spans() {
        for (key, _) in &span.attributes {
            assert!(known.contains(&("span", key)), "{key}");
        }
        for (key, _) in &span.origin.resource {
            assert!(known.contains(&("resource", key)), "{key}");
        }
        for (key, _) in span.events.iter().flat_map(|event| &event.attributes) {
            assert!(known.contains(&("event", key)), "{key}");
        }
    }
    for (field, prefix) in
        [("resource.service.name", "c"), ("name", "get"), ("span.app.region", "EU"), ("status", "")]
    {
        let (_, answer) = server.get(&format!("/api/attributes?field={field}&prefix={prefix}")).await;
        let values: HashSet<&str> =
            answer["values"].as_array().unwrap().iter().map(|v| v["value"].as_str().unwrap()).collect();
        let expected: HashSet<String> = spans()
            .filter_map(|span| match field {
                "name" => Some(span.operation.clone()),
                "status" => Some(span.status.name().to_owned()),
                "span.app.region" => text_of(span, "app.region"),
                _ => Some(span.service.clone()),
            })
            .filter(|value| value.to_lowercase().starts_with(&prefix.to_lowercase()))
            .collect();
        assert!(!expected.is_empty());
        let expected: HashSet<&str> = expected.iter().map(String::as_str).collect();
        assert_eq!(values, expected, "{field}");
    }
    let (status, error) = server.get("/api/attributes?field=%7B%7D").await;
    assert_eq!(status, 400, "{error}");
}
