//! Attribute values with the types OTLP gives them; nothing is turned into text on the way.
//!
//! [`AttrValue::to_text`] and [`AttrValue::from_text`] are the tagged text form used where a column can hold only
//! strings: a string stands for itself, anything else is a NUL and its typed JSON.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::decimal;

/// Attributes in the order the sender wrote them.
pub type Attrs = Vec<(String, AttrValue)>;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum AttrValue {
    /// Present but without a value.
    #[default]
    Empty,
    Str(String),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(Vec<u8>),
    Array(Vec<AttrValue>),
    Map(Attrs),
}

/// Marks a tagged text as not being a plain string.
const TAG: char = '\0';

impl AttrValue {
    pub fn type_name(&self) -> &'static str {
        match self {
            AttrValue::Empty => "empty",
            AttrValue::Str(_) => "string",
            AttrValue::Bool(_) => "bool",
            AttrValue::Int(_) => "int",
            AttrValue::Double(_) => "double",
            AttrValue::Bytes(_) => "bytes",
            AttrValue::Array(_) => "array",
            AttrValue::Map(_) => "map",
        }
    }

    /// The tagged text form; see the module's head.
    pub fn to_text(&self) -> String {
        match self {
            AttrValue::Str(s) if !s.starts_with(TAG) => s.clone(),
            other => format!("{TAG}{}", typed_json(other)),
        }
    }

    /// Reads the tagged text form. A text that breaks the form is kept as a string.
    pub fn from_text(text: &str) -> AttrValue {
        text.strip_prefix(TAG)
            .and_then(|json| serde_json::from_str::<Value>(json).ok())
            .and_then(|json| from_typed_json(&json))
            .unwrap_or_else(|| AttrValue::Str(text.to_owned()))
    }
}

fn typed_json(value: &AttrValue) -> Value {
    match value {
        AttrValue::Empty => json!({}),
        AttrValue::Str(s) => json!({ "s": s }),
        AttrValue::Bool(b) => json!({ "b": b }),
        AttrValue::Int(i) => json!({ "i": i }),
        AttrValue::Double(d) => json!({ "d": format!("{d:?}") }),
        AttrValue::Bytes(bytes) => json!({ "x": crate::json::base64_of(bytes) }),
        AttrValue::Array(items) => json!({ "a": items.iter().map(typed_json).collect::<Vec<_>>() }),
        AttrValue::Map(entries) => {
            json!({ "m": entries.iter().map(|(k, v)| json!([k, typed_json(v)])).collect::<Vec<_>>() })
        }
    }
}

fn from_typed_json(json: &Value) -> Option<AttrValue> {
    let object = json.as_object()?;
    let Some((tag, payload)) = object.iter().next() else {
        return Some(AttrValue::Empty);
    };
    Some(match tag.as_str() {
        "s" => AttrValue::Str(payload.as_str()?.to_owned()),
        "b" => AttrValue::Bool(payload.as_bool()?),
        "i" => AttrValue::Int(payload.as_i64()?),
        "d" => AttrValue::Double(decimal::read(payload.as_str()?)?),
        "x" => AttrValue::Bytes(crate::json::bytes_of_base64(payload.as_str()?)?),
        "a" => AttrValue::Array(payload.as_array()?.iter().map(from_typed_json).collect::<Option<_>>()?),
        "m" => AttrValue::Map(payload.as_array()?.iter().map(entry_from_json).collect::<Option<_>>()?),
        _ => return None,
    })
}

fn entry_from_json(json: &Value) -> Option<(String, AttrValue)> {
    let [key, value] = json.as_array()?.as_slice() else {
        return None;
    };
    Some((key.as_str()?.to_owned(), from_typed_json(value)?))
}

#[cfg(test)]
mod tests;
