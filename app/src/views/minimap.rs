//! The whole trace at a glance: where time went, where it failed, which part the waterfall shows.

pub mod layout;
