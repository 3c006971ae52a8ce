//! Skein in the browser.
//!
//! The pure half (`format`, `url`, `chart`'s maths, each view's `layout`) compiles everywhere and is tested natively.
//! The other half draws, listens and fetches; it needs feature `csr` and a browser.

pub mod format;
pub mod url;

pub mod chart;
pub mod views;

#[cfg(feature = "csr")]
#[allow(dead_code, reason = "each of the two programs leaves out what only the other shows")]
mod browser;
#[cfg(feature = "csr")]
mod pages;
#[cfg(feature = "csr")]
#[allow(dead_code, reason = "as above")]
mod state;
#[cfg(feature = "csr")]
#[allow(dead_code, reason = "as above")]
mod widgets;

#[cfg(feature = "csr")]
pub use pages::App;
