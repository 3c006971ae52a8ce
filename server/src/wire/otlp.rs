//! OTLP. Spans stay encoded from the door to the writer: `view` reads the bytes where they lie, `check` decides
//! what may pass, `json` and `encode` make such bytes from the other forms.

pub mod check;
pub mod encode;
pub mod json;
pub mod view;
