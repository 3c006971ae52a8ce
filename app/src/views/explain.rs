//! What sets some traces apart, as markup. Pure.

use model::AttrValue;
use model::view::{Explanation, Finding, Region};

use super::span_detail::text::plain;
use crate::format::html::Html;
use crate::format::{count, counted, duration, share};
use crate::url::ExplainView;

/// Which traces are in question.
pub fn words(view: &ExplainView) -> String {
    let Region { q, start, end, min_duration, max_duration } = &view.region;
    let mut parts: Vec<String> = q.iter().map(|q| format!("match {q}")).collect();
    parts.extend(min_duration.map(|least| format!("last at least {}", duration(least))));
    parts.extend(max_duration.map(|most| format!("last less than {}", duration(most))));
    if start.is_some() || end.is_some() {
        parts.push("began in the selected time".to_owned());
    }
    if parts.is_empty() {
        return "No traces are selected".to_owned();
    }
    let of = if view.base.q.is_empty() { "all traces" } else { &view.base.q };
    format!("Those of {of} that {}, beside the others", parts.join(" and "))
}

/// `href` leads to the search for a query.
pub fn markup(found: &Explanation, href: &dyn Fn(&str) -> String) -> String {
    let looked = |number: u32, of: u64| match u64::from(number) >= of {
        true => format!("all {}", count(of)),
        false => format!("{} of about {}", count(number.into()), count(of)),
    };
    let mut html = Html::default();
    html.open("p", &[("class", "Explain-looked"), ("data-testid", "explained")]);
    html.text(&format!(
        "Looked at {} in question and {} others; {} compared",
        looked(found.looked_inside, found.inside),
        looked(found.looked_outside, found.outside),
        counted(found.tried.into(), "thing", "things")
    ));
    html.close("p");
    if found.findings.is_empty() {
        nothing(&mut html, found);
        return html.finish();
    }
    html.open("table", &[("class", "Explain-table")]);
    html.open("tr", &[]);
    for name in ["They have", "In question", "Others", "Chance", "Examples"] {
        html.element("th", "", name);
    }
    html.close("tr");
    let mut above = "";
    for finding in &found.findings {
        let group = group(finding);
        if group != above {
            html.open("tr", &[]);
            html.open("th", &[("class", "Explain-group"), ("colspan", "5"), ("scope", "rowgroup")]);
            html.text(group);
            html.close("th");
            html.close("tr");
            above = group;
        }
        line(&mut html, finding, href);
    }
    html.close("table");
    html.finish()
}

fn nothing(html: &mut Html, found: &Explanation) {
    let (title, text) = match (found.inside, found.outside) {
        (0, _) => ("No trace is in question", "Widen the selection or the time."),
        (_, 0) => {
            ("All traces are in question", "There are no others to compare them with: widen the search.")
        }
        _ => (
            "Nothing sets them apart",
            "Whatever differs may well be chance. More traces tell more: widen the time.",
        ),
    };
    html.open("div", &[("class", "Message"), ("data-testid", "no-finding")]);
    html.element("h2", "Message-title", title);
    html.element("p", "Message-text", text);
    html.close("div");
}

/// What is said above those of a kind; nothing above what sets them apart, which comes first.
fn group(finding: &Finding) -> &'static str {
    match (finding.is_symptom, &finding.goes_with) {
        (true, _) => "How they ended",
        (false, None) => "",
        (false, Some(_)) => "What only goes with a service",
    }
}

fn line(html: &mut Html, finding: &Finding, href: &dyn Fn(&str) -> String) {
    html.open("tr", &[("data-testid", "finding")]);
    html.open("td", &[]);
    html.link("Finding-link", &href(&finding.q), &name(&finding.spans));
    if let Some(service) = &finding.goes_with {
        html.element(
            "p",
            "Services-note",
            &format!("goes with {service}, whose traces it does not tell apart"),
        );
    }
    if !finding.alike.is_empty() {
        html.open("details", &[("class", "Finding-alike")]);
        let others = counted(finding.alike.len() as u64, "other", "others");
        html.element("summary", "", &format!("{others} in the same traces"));
        for text in &finding.alike {
            html.element("code", "", text);
        }
        html.close("details");
    }
    html.close("td");
    let sides = [("is-inside", finding.inside, finding.of_inside), ("", finding.outside, finding.of_outside)];
    for (class, have, of) in sides {
        let width = format!("width:{}%", u64::from(have) * 100 / u64::from(of.max(1)));
        html.open("td", &[("class", "Explain-share")]);
        html.open("i", &[("class", class), ("style", &width)]);
        html.close("i");
        html.text(&share(have.into(), of.into()));
        html.close("td");
    }
    html.element("td", "", &chance(finding.chance));
    html.open("td", &[("class", "Finding-examples")]);
    for id in &finding.examples {
        let id = id.to_string();
        html.link("", &format!("/trace/{id}"), &id[..8]);
        html.text(" ");
    }
    html.close("td");
    html.close("tr");
}

/// `service.name = cart, version = 2` of one span; `and a span with` another.
fn name(spans: &[Vec<(String, String, AttrValue)>]) -> String {
    let one = |conditions: &Vec<(String, String, AttrValue)>| {
        let all: Vec<String> = conditions
            .iter()
            .map(|(field, op, value)| {
                if let Some(service) = field.strip_prefix("critical(\"") {
                    let service = service.trim_end_matches("\")");
                    return format!("{service} itself takes {} or more of the time", plain(value));
                }
                let field = field.strip_prefix("span.").or(field.strip_prefix("resource.")).unwrap_or(field);
                format!("{field} {} {}", sign(op), plain(value))
            })
            .collect();
        all.join(", ")
    };
    spans.iter().map(one).collect::<Vec<_>>().join(" and a span with ")
}

fn sign(op: &str) -> &str {
    if op == ">=" { "≥" } else { op }
}

/// By its power of ten: more would be precision nobody needs.
fn chance(chance: f64) -> String {
    let power = (1..300).take_while(|power| chance < 10f64.powi(-power)).last().unwrap_or(1);
    format!("p < 1e-{power}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_says_what_where_and_how_surely() {
        let is = |field: &str, op: &str, value: &str| {
            (field.to_owned(), op.to_owned(), AttrValue::Str(value.to_owned()))
        };
        let finding = Finding {
            spans: vec![
                vec![is("resource.service.name", "=", "cart"), is("status", "=", "error")],
                vec![is("span.user", "=", "<b>"), is("span.items", ">=", "40")],
                vec![is("critical(\"cart\")", ">=", "300ms")],
            ],
            inside: 9,
            outside: 1,
            of_inside: 10,
            of_outside: 100,
            chance: 3e-7,
            q: "error".into(),
            ..Finding::default()
        };
        let found = Explanation {
            inside: 10,
            outside: 5_000,
            looked_inside: 10,
            looked_outside: 100,
            tried: 1,
            findings: vec![finding],
            ..Explanation::default()
        };
        let html = markup(&found, &|q| format!("/?q={q}"));
        for part in [
            "all 10 in question and 100 of about 5,000 others; 1 thing compared",
            "href=\"/?q=error\">service.name = cart, status = error and a span with user = &lt;b&gt;, items ≥ 40",
            "cart itself takes 300ms or more of the time</a>",
            "width:90%",
            "p &lt; 1e-6",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(!html.contains("Explain-group"));
        let symptom = Finding { is_symptom: true, ..found.findings[0].clone() };
        let goes_with = Finding { goes_with: Some("cart".into()), ..found.findings[0].clone() };
        let findings = vec![found.findings[0].clone(), symptom.clone(), symptom, goes_with];
        let html = markup(&Explanation { findings, ..found.clone() }, &|_| String::new());
        let at = |part: &str| html.match_indices(part).map(|(at, _)| at).collect::<Vec<_>>();
        let (lines, groups) = (at("data-testid=\"finding\""), at("Explain-group"));
        assert_eq!((lines.len(), groups.len()), (4, 2), "{html}");
        assert!(lines[0] < groups[0] && groups[0] < lines[1] && lines[2] < groups[1] && groups[1] < lines[3]);
        let none = Explanation { findings: Vec::new(), ..found };
        assert!(markup(&none, &|_| String::new()).contains("Nothing sets them apart"));
    }
}
