//! The view agrees with the generated decoder.
