//! One span whole.

pub mod text;
