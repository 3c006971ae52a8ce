//! The latest warnings and errors of our own log, kept for the status page.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use model::Timestamp;
use model::view::Said;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::limits::{SAID_KEPT, SAID_MAX_CHARS};

/// One log for all of a process, as there is one stderr.
static KEPT: Mutex<VecDeque<Said>> = Mutex::new(VecDeque::new());

/// The latest first.
pub fn latest() -> Vec<Said> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).iter().rev().cloned().collect()
}

pub(super) struct Keep;

impl<S: Subscriber> Layer<S> for Keep {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        let text = format!("{}{}", line.message, line.fields).chars().take(SAID_MAX_CHARS).collect();
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let time = Timestamp(since_epoch.as_nanos() as u64);
        let said = Said { time, is_error: *event.metadata().level() == Level::ERROR, text };
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == SAID_KEPT {
            kept.pop_front();
        }
        kept.push_back(said);
    }
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value}"),
            name => write!(self.fields, " {name}={value}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn the_latest_lines_are_kept_and_no_more() {
        let subscriber = tracing_subscriber::registry().with(Keep);
        tracing::subscriber::with_default(subscriber, || {
            for number in 0..SAID_KEPT + 3 {
                tracing::warn!(number, why = %"the disk", "cannot write");
            }
            tracing::error!("{}", "x".repeat(2 * SAID_MAX_CHARS));
        });
        let latest = latest();
        assert_eq!(latest.len(), SAID_KEPT);
        assert!(latest[0].is_error && latest[0].text.len() == SAID_MAX_CHARS);
        let last = format!("cannot write number={} why=the disk", SAID_KEPT + 2);
        assert_eq!((latest[1].text.as_str(), latest[1].is_error), (last.as_str(), false));
    }
}
