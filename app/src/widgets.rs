//! Small parts that know no page and fetch nothing.

pub mod copy;
pub mod icon;
pub mod message;
pub mod moment;
pub mod picker;
pub mod query_editor;
pub mod range;
pub mod service;
pub mod splitter;
pub mod status;
pub mod walk;
