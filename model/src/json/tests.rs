//! What JavaScript would spoil is printed as text.

use super::*;

#[test]
fn integers_are_numbers_up_to_two_to_the_53() {
    assert_eq!(attr_json(&AttrValue::Int((1 << 53) - 1)), json!(9007199254740991i64));
    assert_eq!(attr_json(&AttrValue::Int(1 << 53)), json!("9007199254740992"));
    assert_eq!(attr_json(&AttrValue::Int(i64::MIN)), json!("-9223372036854775808"));
}

#[test]
fn doubles_json_cannot_hold_are_text() {
    assert_eq!(attr_json(&AttrValue::Double(2.0)), json!(2.0));
    assert_eq!(attr_json(&AttrValue::Double(f64::NAN)), json!("NaN"));
}

#[test]
fn bytes_and_nested_values_keep_their_shape() {
    let value = AttrValue::Map(vec![
        ("raw".into(), AttrValue::Bytes(vec![0, 255])),
        ("list".into(), AttrValue::Array(vec![AttrValue::Bool(true), AttrValue::Empty])),
    ]);
    assert_eq!(attr_json(&value), json!({ "raw": { "bytes": "AP8=" }, "list": [true, null] }));
}
