//! Whether a regular expression can be one. The engine has the last word; this finds what people get wrong while they
//! type, without shipping a regex compiler to the browser.

/// What is wrong with a pattern, if anything is.
pub(super) fn check(pattern: &str) -> Result<(), String> {
    let mut chars = pattern.chars().peekable();
    let mut open = 0usize;
    // Whether something stands before that a `*` could repeat.
    let mut has_atom = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                None => return Err("the pattern ends in the middle of an escape".to_owned()),
                Some('1'..='9') => return Err("patterns cannot refer back to groups".to_owned()),
                Some(_) => has_atom = true,
            },
            '[' => {
                class(&mut chars)?;
                has_atom = true;
            }
            '(' => {
                open += 1;
                has_atom = false;
                if chars.peek() == Some(&'?') {
                    chars.next();
                    let is_known = chars.peek().is_some_and(|c| ":Pimsu-".contains(*c));
                    if !is_known {
                        return Err("patterns cannot look ahead or behind".to_owned());
                    }
                }
            }
            ')' if open == 0 => return Err("a bracket of the pattern is closed but never opened".to_owned()),
            ')' => {
                open -= 1;
                has_atom = true;
            }
            '*' | '+' | '?' if !has_atom => return Err(format!("there is nothing for `{c}` to repeat")),
            '*' | '+' | '?' => {
                // A `?` or `+` behind it only says how greedy it is.
                chars.next_if(|next| matches!(next, '?' | '+'));
                has_atom = false;
            }
            '|' | '^' => has_atom = false,
            _ => has_atom = true,
        }
    }
    if open > 0 { Err("a bracket of the pattern is never closed".to_owned()) } else { Ok(()) }
}

/// Behind the `[` of a class of characters, to its end.
fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<(), String> {
    chars.next_if_eq(&'^');
    // A bracket right at the start is one of the characters.
    let mut is_first = true;
    while let Some(c) = chars.next() {
        match c {
            ']' if !is_first => return Ok(()),
            '\\' => drop(chars.next()),
            '[' if chars.peek() == Some(&':') => while chars.next().is_some_and(|c| c != ']') {},
            _ => {}
        }
        is_first = false;
    }
    Err("a class of characters is never closed with ]".to_owned())
}
