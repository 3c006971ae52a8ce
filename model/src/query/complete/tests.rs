//! Completion at `^`: what is offered first, and what a choice makes of the text.

use proptest::prelude::*;

use super::*;

fn known() -> Known {
    let key = |scope: &str, key: &str, is_number| AttributeKey {
        scope: scope.into(),
        key: key.into(),
        count: 1,
        is_number,
    };
    let values = |names: &[&str]| {
        names
            .iter()
            .map(|n| AttributeValue { value: AttrValue::Str((*n).into()), count: 1 })
            .collect::<Vec<_>>()
    };
    Known {
        keys: vec![
            key("span", "http.method", false),
            key("span", "item_count", true),
            key("resource", "service.name", false),
            key("resource", "k8s pod", false),
        ],
        values: vec![
            ("resource.service.name".into(), values(&["cart", "checkout", "load gen"])),
            ("span.http.method".into(), values(&["GET", "POST"])),
            (".http.method".into(), values(&["GET", "POST"])),
        ],
    }
}

fn at(marked: &str) -> (String, Completion) {
    let cursor = marked.find('^').expect("a cursor");
    let text = marked.replacen('^', "", 1);
    let completion = complete(&text, cursor, &known());
    (text, completion)
}

/// The labels start with these.
fn offers(marked: &str, expected: &[&str]) {
    let (_, completion) = at(marked);
    let labels: Vec<&str> = completion.choices.iter().map(|c| c.label.as_str()).collect();
    assert!(labels.starts_with(expected), "{marked}: {labels:?}");
}

/// The text after taking the first choice.
fn first_makes(marked: &str, expected: &str) {
    let (mut text, completion) = at(marked);
    let first = completion.choices.first().unwrap_or_else(|| panic!("{marked}: nothing is offered"));
    text.replace_range(completion.replace.start..completion.replace.end, &first.text);
    assert_eq!(text, expected, "{marked}");
}

#[test]
fn in_the_plain_form() {
    offers("^", &["service", "operation", "error", "duration"]);
    offers("err^", &["error", "errors"]);
    first_makes("checkout ser^", "checkout service=");
    first_makes("che^", "service=checkout ");
    first_makes("service=ca^", "service=cart ");
    first_makes("service=lo^ error", "service=\"load gen\"  error");
    first_makes("-service=\"lo^", "-service=\"load gen\" ");
    first_makes("cause=sil^", "cause=sender_silent ");
    first_makes("item^", "item_count>");
    first_makes("http.method=^", "http.method=GET ");
    first_makes("(status=pa^", "(status=partial ");
    assert!(at("\"k8s^").1.choices.is_empty());
}

#[test]
fn in_traceql() {
    offers("{ ^", &["resource.service.name", "name", "status"]);
    first_makes("{ dur^ }", "{ duration  }");
    first_makes("{ span.ht^", "{ span.http.method ");
    first_makes("{ http^", "{ span.http.method ");
    first_makes("{ k8s^", "{ resource.\"k8s pod\" ");
    first_makes("{ status = er^", "{ status = error ");
    first_makes("{ trace:status = par^", "{ trace:status = partial ");
    first_makes("{ resource.service.name = \"ch^\" }", "{ resource.service.name = \"checkout\"  }");
    first_makes("{ resource.service.name = ^", "{ resource.service.name = \"cart\" ");
    offers("{ duration ^", &["=", "!=", "<", "<=", ">", ">="]);
    offers("{ status ^", &["=", "!="]);
    offers("{ duration > 1s ^", &["&&", "||", "}"]);
    offers("{ status = error ^", &["&&", "||", "}"]);
    offers("{ } ^", &["|", "&&", "||", ">>"]);
    first_makes("{ } | cou^", "{ } | count() > ");
    first_makes("{ } | quan^", "{ } | quantile_over_time(duration, 0.99) ");
    first_makes("{ } | by(na^", "{ } | by(name");
    first_makes("{ } | avg(^", "{ } | avg(resource.service.name");
    first_makes("error | ra^", "error | rate() ");
    first_makes("{ } >> ^", "{ } >> { ");
}

#[test]
fn it_says_what_more_to_fetch() {
    let wanted = |marked: &str| at(marked).1.wanted;
    assert_eq!(wanted("{ ^"), Some(Wanted::Keys));
    assert_eq!(wanted("user^"), Some(Wanted::Keys));
    let field = plain::field_of_key(".user").unwrap();
    assert_eq!(wanted("user=x^"), Some(Wanted::Values { field: field.clone(), prefix: "x".into() }));
    assert_eq!(wanted("{ .user = \"x^\" }"), Some(Wanted::Values { field, prefix: "x".into() }));
    assert_eq!(wanted("{ duration > 1s ^"), None);
}

proptest! {
    #[test]
    fn any_cursor_in_any_text_is_fine(words in prop::collection::vec(crate::query::tests::generate::scrap(), 0..12)) {
        let text = words.join(" ");
        for cursor in 0..=text.len() {
            let completion = complete(&text, cursor, &known());
            prop_assert!(text.get(completion.replace.start..completion.replace.end).is_some());
        }
    }
}
