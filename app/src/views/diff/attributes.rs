//! What two spans say differently. Pure.

use model::{AttrValue, Span};

use crate::views::span_detail::text::plain;

/// A key, and what each says; None where it says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub key: String,
    pub a: Option<String>,
    pub b: Option<String>,
}

/// Differences as the first span has them, then what only the second says, and how many keys say the same.
pub fn differences(a: &Span, b: &Span) -> (Vec<Difference>, usize) {
    let (a, b) = (said(a), said(b));
    let of = |all: &[Said], wanted: &Said| all.iter().find(|one| one.0 == wanted.0).map(|one| one.1.clone());
    let (mut found, mut same) = (Vec::new(), 0);
    for one in &a {
        let difference = Difference { key: one.0.1.clone(), a: Some(one.1.clone()), b: of(&b, one) };
        if difference.a == difference.b {
            same += 1;
        } else {
            found.push(difference);
        }
    }
    for one in b.iter().filter(|one| of(&a, one).is_none()) {
        found.push(Difference { key: one.0.1.clone(), a: None, b: Some(one.1.clone()) });
    }
    (found, same)
}

/// Of what it is said, the key, and the value.
type Said = ((u8, String), String);

/// Everything a span says: its failure, its attributes, its resource's.
fn said(span: &Span) -> Vec<Said> {
    let text = |(key, value): &(String, AttrValue), of: u8| ((of, key.clone()), plain(value));
    let mut all: Vec<Said> = Vec::new();
    if !span.status_message.is_empty() {
        all.push(((0, "status message".to_owned()), span.status_message.clone()));
    }
    all.extend(span.attributes.iter().map(|pair| text(pair, 1)));
    all.extend(span.origin.resource.iter().map(|pair| text(pair, 2)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(attributes: &[(&str, &str)], host: &str) -> Span {
        let text = |(key, value): &(&str, &str)| ((*key).to_owned(), AttrValue::Str((*value).to_owned()));
        let mut span = Span { attributes: attributes.iter().map(text).collect(), ..Span::default() };
        span.origin.resource = vec![text(&("host", host))];
        span
    }

    #[test]
    fn what_differs_is_told_and_what_does_not_is_counted() {
        let a = span(&[("user", "ann"), ("route", "/"), ("only", "a")], "h1");
        let mut b = span(&[("route", "/"), ("user", "bob")], "h2");
        b.status_message = "no".to_owned();
        let (found, same) = differences(&a, &b);
        let told: Vec<_> = found.iter().map(|d| (d.key.as_str(), d.a.as_deref(), d.b.as_deref())).collect();
        let expected = [
            ("user", Some("ann"), Some("bob")),
            ("only", Some("a"), None),
            ("host", Some("h1"), Some("h2")),
            ("status message", None, Some("no")),
        ];
        assert_eq!((told.as_slice(), same), (&expected[..], 1));
        assert_eq!(differences(&a, &a).0, []);
    }
}
