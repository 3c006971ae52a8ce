//! Ids are read in every notation people paste and always printed in one.

use super::*;

#[test]
fn trace_ids_are_read_in_many_notations_and_printed_in_one() {
    let printed = "0af7651916cd43dd8448eb211c80319c";
    for text in [printed, "0AF7651916CD43DD8448EB211C80319C", " 0af76519-16cd-43dd-8448-eb211c80319c "] {
        assert_eq!(text.parse::<TraceId>().unwrap().to_string(), printed);
    }
    assert_eq!(
        "8448eb211c80319c".parse::<TraceId>().unwrap().to_string(),
        "00000000000000008448eb211c80319c"
    );
}

#[test]
fn bad_ids_say_what_is_wrong() {
    assert_eq!("abc".parse::<TraceId>(), Err(IdError::TraceLength(3)));
    assert_eq!("xyz".parse::<TraceId>(), Err(IdError::NotHex('x')));
    assert_eq!("0".repeat(32).parse::<TraceId>(), Err(IdError::Zero));
    assert_eq!("0".repeat(16).parse::<SpanId>(), Err(IdError::Zero));
    assert_eq!("é".parse::<SpanId>(), Err(IdError::NotHex('é')));
}

#[test]
fn span_ids_keep_their_byte_order() {
    let id = SpanId::from_slice(&[0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]).unwrap();
    assert_eq!(id.to_string(), "00f067aa0ba902b7");
    assert_eq!(id.to_bytes()[1], 0xf0);
    assert_eq!("00f067aa0ba902b7".parse::<SpanId>().unwrap(), id);
}
