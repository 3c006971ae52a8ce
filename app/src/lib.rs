//! Skein in the browser.
//!
//! The pure half (`format`, `url`, `chart`'s maths, each view's `layout`) compiles everywhere and is tested natively.
//! The other half draws, listens and fetches; it needs feature `csr` and a browser.

pub mod format;
pub mod url;

pub mod chart;
pub mod views;

#[cfg(feature = "csr")]
mod browser;
#[cfg(feature = "csr")]
mod pages;
#[cfg(feature = "csr")]
mod state;
#[cfg(feature = "csr")]
mod widgets;

#[cfg(feature = "csr")]
pub use pages::App;
