//! Texts in known languages set for reading: SQL by clause, JSON by depth, an HTTP call as one line. Pure.
//!
//! Only white space is added, and only outside of quotes: what is copied is still what the sender wrote.

use model::{AttrValue, Attrs};

use super::text::plain;

/// Shorter statements read well as they are.
const SQL_LEAST_CHARS: usize = 48;
/// Each begins a line of its own.
const CLAUSES: [&str; 17] = [
    "FROM",
    "WHERE",
    "AND",
    "OR",
    "LEFT JOIN",
    "RIGHT JOIN",
    "INNER JOIN",
    "JOIN",
    "GROUP BY",
    "ORDER BY",
    "HAVING",
    "LIMIT",
    "VALUES",
    "SET",
    "UNION",
    "RETURNING",
    "ON CONFLICT",
];

/// A statement with a line for each clause; None when it has lines already, or is short.
pub fn sql(text: &str) -> Option<String> {
    if text.len() < SQL_LEAST_CHARS || text.trim().contains('\n') {
        return None;
    }
    let mut out = String::with_capacity(text.len() + 64);
    let mut quote = None;
    let mut depth = 0usize;
    for (at, letter) in text.char_indices() {
        match quote {
            Some(open) if open == letter => quote = None,
            None if matches!(letter, '\'' | '"' | '`') => quote = Some(letter),
            None if letter == '(' => depth += 1,
            None if letter == ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let starts_word = text[..at].ends_with(char::is_whitespace);
        if quote.is_none() && starts_word && clause_at(&text[at..]) && !is_joined(&text[..at]) {
            out.truncate(out.trim_end().len());
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", depth + usize::from(is_joint(&text[at..]))));
        }
        out.push(letter);
    }
    Some(out).filter(|out| out.contains('\n'))
}

fn begins(text: &str, word: &str) -> bool {
    let head = text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    head && !text[word.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

fn clause_at(text: &str) -> bool {
    CLAUSES.iter().any(|clause| begins(text, clause))
}

/// Whether what comes before already began the clause: `LEFT JOIN` is one.
fn is_joined(before: &str) -> bool {
    let last = before.split_whitespace().next_back().unwrap_or_default();
    ["LEFT", "RIGHT", "INNER"].iter().any(|word| last.eq_ignore_ascii_case(word))
}

fn is_joint(text: &str) -> bool {
    begins(text, "AND") || begins(text, "OR")
}

/// A document with a line for each member; None when it is none, or has lines already.
pub fn json(text: &str) -> Option<String> {
    let text = text.trim();
    if !text.starts_with(['{', '[']) || text.contains('\n') {
        return None;
    }
    let mut out = String::with_capacity(text.len() * 2);
    let mut open = Vec::new();
    let (mut in_text, mut is_escaped) = (false, false);
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    for (at, letter) in text.char_indices() {
        if in_text {
            in_text = is_escaped || letter != '"';
            is_escaped = !is_escaped && letter == '\\';
            out.push(letter);
            continue;
        }
        // Nothing may follow the end.
        if at > 0 && open.is_empty() {
            return None;
        }
        match letter {
            '{' | '[' => {
                open.push(letter);
                out.push(letter);
                if !text[at + 1..].trim_start().starts_with(['}', ']']) {
                    line(&mut out, open.len());
                }
            }
            '}' | ']' => {
                if open.pop() != Some(if letter == '}' { '{' } else { '[' }) {
                    return None;
                }
                if !out.ends_with(['{', '[']) {
                    line(&mut out, open.len());
                }
                out.push(letter);
            }
            ',' => {
                out.push(letter);
                line(&mut out, open.len());
            }
            ':' => out.push_str(": "),
            letter if letter.is_whitespace() => {}
            letter => {
                in_text = letter == '"';
                out.push(letter);
            }
        }
    }
    (open.is_empty() && !in_text).then_some(out)
}

/// `GET https://shop/cart → 503`, from the attributes of an HTTP call, by their present names or their earlier ones.
pub fn http_line(attributes: &Attrs) -> Option<String> {
    let value = |names: &[&str]| {
        let found = names.iter().find_map(|name| attributes.iter().find(|(key, _)| key == name));
        found.map(|(_, value)| plain(value)).filter(|text| !text.is_empty())
    };
    let method = value(&["http.request.method", "http.method"])?;
    let path = value(&["url.path", "http.target"]);
    let target = value(&["url.full", "http.url"]).or_else(|| {
        let host = value(&["server.address", "http.host", "net.host.name"]).unwrap_or_default();
        path.map(|path| host + &path)
    });
    let target = target.or_else(|| value(&["http.route"]))?;
    let status = value(&["http.response.status_code", "http.status_code"]);
    Some(format!("{method} {target}{}", status.map_or(String::new(), |status| format!(" → {status}"))))
}

/// The text as it is set, where its language is known by its key or its look.
pub fn set(key: &str, value: &AttrValue) -> Option<String> {
    let AttrValue::Str(text) = value else {
        return None;
    };
    match key.ends_with("query.text") || key.ends_with("statement") {
        true => sql(text).or_else(|| json(text)),
        false => json(text),
    }
}

#[cfg(test)]
mod tests {
    //! Statements and documents, before and after.
    use super::*;

    #[test]
    fn statements_have_a_line_for_each_clause() {
        assert_eq!(
            sql("select a, b from carts c left join items i on i.cart = c.id where c.id = ? and note = 'from and or' limit 10")
                .unwrap_or_default(),
            "select a, b\nfrom carts c\nleft join items i on i.cart = c.id\nwhere c.id = ?\n  and note = 'from and or'\nlimit 10"
        );
        assert_eq!(sql("SELECT 1 FROM x"), None);
        assert_eq!(sql(&format!("SELECT {}\nFROM x WHERE y", "a, ".repeat(40))), None);
    }

    #[test]
    fn documents_have_a_line_for_each_member() {
        assert_eq!(
            json(r#"{"a":[1,{"b":"x, {\"y\"}"}],"c":{}}"#).unwrap_or_default(),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"x, {\\\"y\\\"}\"\n    }\n  ],\n  \"c\": {}\n}"
        );
        for no in ["plain", "[unclosed", "{\"a\": 1} trailing", "{]", "{\"a"] {
            assert_eq!(json(no), None, "{no}");
        }
    }

    #[test]
    fn a_call_is_one_line() {
        let attributes = vec![
            ("http.request.method".to_owned(), AttrValue::Str("GET".into())),
            ("url.path".to_owned(), AttrValue::Str("/cart".into())),
            ("server.address".to_owned(), AttrValue::Str("shop".into())),
            ("http.response.status_code".to_owned(), AttrValue::Int(503)),
        ];
        assert_eq!(http_line(&attributes).as_deref(), Some("GET shop/cart → 503"));
        assert_eq!(http_line(&Vec::new()), None);
    }
}
