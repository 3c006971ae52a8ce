//! Where in the grammar a cursor stands, from the tokens before it alone, so that unfinished text is no obstacle.

use super::*;

pub(super) enum Place {
    Nothing,
    /// Before everything.
    Start,
    /// A condition or a side of one.
    Operand,
    /// In the brackets of a function or list.
    Argument,
    /// Behind a field and its operator.
    Value(FieldName),
    /// Behind a field.
    Operator(FieldName),
    /// Behind a condition.
    Joint,
    /// Behind a selection.
    Spansets,
    /// Behind a `|`.
    Stage,
}

pub(super) struct Placed {
    pub what: Place,
    /// What is typed of it so far.
    pub prefix: String,
    pub replace: ByteRange,
    pub is_behind_pipe: bool,
}

pub(super) fn place_of(text: &str, before: &str) -> Placed {
    let cursor = before.len();
    if form_of(text) == Form::Plain {
        let (_, pipe) = plain::parse_words(before, &mut Vec::new(), &mut Vec::new());
        if pipe >= cursor {
            return plain_place(text, before);
        }
    }
    let is_behind_pipe = form_of(text) == Form::Plain;
    let (start, prefix, is_text) = match open_string(before) {
        Some(start) => (start, scan_string(&before[start..]).0, true),
        None => {
            let start = before.trim_end_matches(|c| is_key_char(c) && c != '|').len();
            (start, before[start..].to_owned(), false)
        }
    };
    // A quote may stand open from before what the plain form takes for its pipe.
    let from = if is_behind_pipe { before[..start].find('|').unwrap_or(start) } else { 0 };
    let tokens = lex(&text[..start], from, &mut Vec::new());
    let what = place_behind(&tokens[..tokens.len() - 1]);
    let what = match what {
        Place::Value(_) | Place::Argument => what,
        // A text stands nowhere else but as a value.
        _ if is_text => Place::Nothing,
        what => what,
    };
    Placed { what, prefix, replace: ByteRange::new(start, end_of(text, cursor, is_text)), is_behind_pipe }
}

/// Where the part around the cursor ends.
fn end_of(text: &str, cursor: usize, is_text: bool) -> usize {
    let rest = &text[cursor..];
    match rest.find('"').filter(|_| is_text) {
        // The closing quote, unless what lies between looks like another condition.
        Some(quote) if !rest[..quote].contains(['=', '&', '|', '}']) => cursor + quote + 1,
        _ if is_text => cursor,
        _ => cursor + rest.find(|c| !is_key_char(c)).unwrap_or(rest.len()),
    }
}

/// Where the text that the end lies in starts.
fn open_string(text: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(i) = text[at..].find(['"', '`']) {
        let (_, len, closed) = scan_string(&text[at + i..]);
        if !closed {
            return Some(at + i);
        }
        at += i + len;
    }
    None
}

fn place_behind(tokens: &[Token]) -> Place {
    let Some(last) = tokens.last() else { return Place::Start };
    let braces = tokens.iter().fold(0i32, |open, token| match token.tok {
        Tok::Sign("{") => open + 1,
        Tok::Sign("}") => open - 1,
        _ => open,
    });
    let field = |token: &Token| match &token.tok {
        Tok::Attribute(name) => Some(name.clone()),
        Tok::Word(word) => Intrinsic::of_name(word).map(FieldName::Intrinsic),
        _ => None,
    };
    let before = tokens.len().checked_sub(2).map(|i| &tokens[i]);
    match &last.tok {
        Tok::Sign("|") => Place::Stage,
        Tok::Sign("(" | ",") if is_call(tokens) => Place::Argument,
        _ if braces <= 0 => match last.tok {
            Tok::Sign("}" | ")") => Place::Spansets,
            Tok::Sign(sign) if SpansetOp::of_sign(sign).is_some() => Place::Start,
            Tok::Sign("(") => Place::Start,
            _ => Place::Nothing,
        },
        Tok::Sign("{" | "&&" | "||" | "(" | "!") => Place::Operand,
        Tok::Sign(sign) if CompareOp::of_sign(sign).is_some() => {
            before.and_then(field).map_or(Place::Operand, Place::Value)
        }
        Tok::Sign(")") | Tok::Literal(_) => Place::Joint,
        Tok::Sign(_) => Place::Operand,
        Tok::Word(word) if kind_of_word(word).is_some_and(|k| k != SpanKind::Unspecified) => Place::Joint,
        _ => match field(last) {
            Some(_)
                if before
                    .is_some_and(|t| matches!(t.tok, Tok::Sign(s) if CompareOp::of_sign(s).is_some())) =>
            {
                Place::Joint
            }
            Some(field) => Place::Operator(field),
            None => Place::Joint,
        },
    }
}

/// Whether the innermost open bracket is that of a function or list.
fn is_call(tokens: &[Token]) -> bool {
    let mut closed = 0;
    for (i, token) in tokens.iter().enumerate().rev() {
        match token.tok {
            Tok::Sign(")") => closed += 1,
            Tok::Sign("(") if closed > 0 => closed -= 1,
            Tok::Sign("(") => return i > 0 && matches!(tokens[i - 1].tok, Tok::Word(_)),
            Tok::Sign("{") => return false,
            _ => {}
        }
    }
    false
}

fn plain_place(text: &str, before: &str) -> Placed {
    let cursor = before.len();
    let string = open_string(before);
    let chunk_end = string.unwrap_or(cursor);
    let start = before[..chunk_end]
        .char_indices()
        .rev()
        .find(|(_, c)| c.is_whitespace() || "(|".contains(*c))
        .map_or(0, |(i, c)| i + c.len_utf8());
    let chunk = &before[start..chunk_end];
    let excluded = chunk.len() - chunk.trim_start_matches(['-', '!']).len();
    let sign = chunk[excluded..].find(['=', '<', '>']);
    let Some(sign) = sign.map(|i| i + excluded) else {
        let what = if string.is_some() { Place::Nothing } else { Place::Operand };
        let start = start + excluded;
        let replace = ByteRange::new(start, end_of(text, cursor, string.is_some()));
        return Placed { what, prefix: before[start..].to_owned(), replace, is_behind_pipe: false };
    };
    let key = chunk[..sign].trim_end_matches('!');
    let key = &key[excluded.min(key.len())..];
    let value =
        start + sign + chunk[sign..].len() - chunk[sign..].trim_start_matches(['=', '<', '>', '~']).len();
    let field = if key == "status" {
        Some(FieldName::Intrinsic(Intrinsic::Status))
    } else {
        plain::field_of_key(key)
    };
    let prefix = match string {
        Some(start) => scan_string(&before[start..]).0,
        None => before[value..].to_owned(),
    };
    let replace = ByteRange::new(string.unwrap_or(value), end_of(text, cursor, string.is_some()));
    Placed { what: field.map_or(Place::Nothing, Place::Value), prefix, replace, is_behind_pipe: false }
}
