//! The tagged text form gives back exactly what went in.

use proptest::prelude::*;

use super::*;

fn any_value() -> impl Strategy<Value = AttrValue> {
    let leaf = prop_oneof![
        Just(AttrValue::Empty),
        any::<String>().prop_map(AttrValue::Str),
        any::<bool>().prop_map(AttrValue::Bool),
        any::<i64>().prop_map(AttrValue::Int),
        prop::num::f64::NORMAL.prop_map(AttrValue::Double),
        any::<Vec<u8>>().prop_map(AttrValue::Bytes),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(AttrValue::Array),
            prop::collection::vec((any::<String>(), inner), 0..4).prop_map(AttrValue::Map),
        ]
    })
}

proptest! {
    #[test]
    fn tagged_text_round_trips(value in any_value()) {
        prop_assert_eq!(AttrValue::from_text(&value.to_text()), value);
    }
}

#[test]
fn strings_stand_for_themselves() {
    assert_eq!(AttrValue::Str("plain {\"i\":1}".into()).to_text(), "plain {\"i\":1}");
}

#[test]
fn special_doubles_survive() {
    for d in [f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE] {
        assert_eq!(AttrValue::from_text(&AttrValue::Double(d).to_text()), AttrValue::Double(d));
    }
    let AttrValue::Double(nan) = AttrValue::from_text(&AttrValue::Double(f64::NAN).to_text()) else {
        panic!("NaN came back as another type");
    };
    assert!(nan.is_nan());
}

#[test]
fn a_broken_tag_stays_readable() {
    assert_eq!(AttrValue::from_text("\0{oops"), AttrValue::Str("\0{oops".into()));
}
