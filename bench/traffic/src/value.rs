//! Short names for attribute values, so that the traffic's code reads like the spans it makes.

use model::AttrValue;

pub fn text(value: impl Into<String>) -> AttrValue {
    AttrValue::Str(value.into())
}

pub fn int(value: impl Into<i64>) -> AttrValue {
    AttrValue::Int(value.into())
}

pub fn flag(value: bool) -> AttrValue {
    AttrValue::Bool(value)
}

pub fn double(value: f64) -> AttrValue {
    AttrValue::Double(value)
}

pub fn list<T: Into<String>>(values: impl IntoIterator<Item = T>) -> AttrValue {
    AttrValue::Array(values.into_iter().map(text).collect())
}
