//! The waterfall.

pub mod find;
pub mod layout;
pub mod rows;
