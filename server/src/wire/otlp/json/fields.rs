//! One field of a JSON object at a time, as leniently as protobuf's JSON mapping asks: null is absent, numbers may
//! be strings, bytes may be in either base64 alphabet. What is wrong is said with the field's name.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use serde_json::{Map, Value};

use crate::wire::otlp::Reason;

/// Why one JSON span cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::wire) struct Fault {
    pub reason: Reason,
    pub detail: String,
}

pub(in crate::wire) type Read<T> = Result<T, Fault>;

/// How much of an offending value is shown.
const SHOWN_CHARS: usize = 60;

pub(in crate::wire) fn fault<T>(reason: Reason, detail: impl Into<String>) -> Read<T> {
    Err(Fault { reason, detail: detail.into() })
}

/// The fault of a field that is not what it should be.
pub(in crate::wire) fn unfit<T>(key: &str, value: &Value, wanted: &str) -> Read<T> {
    let text = value.to_string();
    let mut shown: String = text.chars().take(SHOWN_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    fault(Reason::InvalidField, format!("'{key}' is {shown}, not {wanted}"))
}

pub(in crate::wire) fn object<'v>(key: &str, value: &'v Value) -> Read<&'v Map<String, Value>> {
    value.as_object().map_or_else(|| unfit(key, value, "an object"), Ok)
}

/// The field if it is there and not null.
pub(in crate::wire) fn present<'v>(fields: &'v Map<String, Value>, key: &str) -> Option<&'v Value> {
    fields.get(key).filter(|value| !value.is_null())
}

pub(in crate::wire) fn text(fields: &Map<String, Value>, key: &str) -> Read<String> {
    match present(fields, key) {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => unfit(key, other, "a string"),
    }
}

pub(in crate::wire) fn unsigned(fields: &Map<String, Value>, key: &str) -> Read<u64> {
    let Some(value) = present(fields, key) else { return Ok(0) };
    let number = match value {
        Value::Number(number) => number.as_u64().or_else(|| number.as_f64().and_then(whole_unsigned)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.map_or_else(|| unfit(key, value, "a whole number from 0 on"), Ok)
}

pub(in crate::wire) fn unsigned32(fields: &Map<String, Value>, key: &str) -> Read<u32> {
    let number = unsigned(fields, key)?;
    u32::try_from(number).or_else(|_| unfit(key, &fields[key], "a number of 32 bits"))
}

pub(in crate::wire) fn signed(key: &str, value: &Value) -> Read<i64> {
    let number = match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(whole_signed)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.map_or_else(|| unfit(key, value, "a whole number of 64 bits"), Ok)
}

pub(in crate::wire) fn double(key: &str, value: &Value) -> Read<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        // Rust reads "NaN", "Infinity" and "-Infinity" as protobuf writes them.
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.map_or_else(|| unfit(key, value, "a number"), Ok)
}

pub(in crate::wire) fn boolean(key: &str, value: &Value) -> Read<bool> {
    value.as_bool().map_or_else(|| unfit(key, value, "true or false"), Ok)
}

/// An enumeration's number, given as such or by name.
pub(in crate::wire) fn named(
    fields: &Map<String, Value>,
    key: &str,
    by_name: impl Fn(&str) -> Option<i32>,
) -> Read<i32> {
    match present(fields, key) {
        None => Ok(0),
        Some(Value::String(name)) => {
            by_name(name).map_or_else(|| unfit(key, &fields[key], "a name that OTLP defines"), Ok)
        }
        Some(value) => {
            let number = signed(key, value)?;
            i32::try_from(number).or_else(|_| unfit(key, value, "a number of 32 bits"))
        }
    }
}

/// An id in hexadecimal digits of either case; absent is empty. Its length is judged later.
pub(in crate::wire) fn hex(fields: &Map<String, Value>, key: &str, reason: Reason) -> Read<Vec<u8>> {
    let text = text(fields, key).map_err(|fault| Fault { reason, ..fault })?;
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    match digits {
        Some(digits) if digits.len() % 2 == 0 => {
            Ok(digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect())
        }
        _ => {
            unfit(key, &fields[key], "an id in hexadecimal digits").map_err(|fault| Fault { reason, ..fault })
        }
    }
}

pub(in crate::wire) fn base64(key: &str, value: &Value) -> Read<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const USUAL: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
    const FOR_URLS: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);
    let bytes = value.as_str().and_then(|text| USUAL.decode(text).or_else(|_| FOR_URLS.decode(text)).ok());
    bytes.map_or_else(|| unfit(key, value, "bytes in base64"), Ok)
}

/// The elements of an array field, each read by `read`.
pub(in crate::wire) fn list<T>(
    fields: &Map<String, Value>,
    key: &str,
    read: impl Fn(&Value) -> Read<T>,
) -> Read<Vec<T>> {
    match present(fields, key) {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => items.iter().map(read).collect(),
        Some(other) => unfit(key, other, "an array"),
    }
}

fn whole_unsigned(number: f64) -> Option<u64> {
    (number.fract() == 0.0 && (0.0..18_446_744_073_709_551_616.0).contains(&number)).then_some(number as u64)
}

fn whole_signed(number: f64) -> Option<i64> {
    let range = -9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0;
    (number.fract() == 0.0 && range.contains(&number)).then_some(number as i64)
}
