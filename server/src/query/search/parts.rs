//! An answer in parts: the newest traces go on to whoever asked before older times are looked through.
//!
//! Parts one after the other are the page that would have been answered at once. Each but the last is marked as not
//! complete and carries the cursor where the next begins, and the figures of all that was scanned until then.

use std::time::{Duration, Instant};

use model::view::{SearchPage, TraceSearch};
use model::{ApiError, Scope, Timestamp};
use tokio::sync::mpsc;

use super::{Filling, Place};
use crate::query::Queries;

pub type Parts = mpsc::Sender<Result<SearchPage, ApiError>>;
pub type Received = mpsc::Receiver<Result<SearchPage, ApiError>>;

/// After the first part, what is found sooner than this comes with what is found next: every part costs a statement
/// for its summaries.
const PART_AFTER: Duration = Duration::from_millis(100);

impl Queries {
    /// Ends when the last part was taken, with an error, or when nobody listens any more.
    pub fn search_in_parts(&self, scope: &Scope, asked: TraceSearch, now: Timestamp) -> Received {
        let (parts, received) = mpsc::channel(1);
        let (queries, scope) = (self.clone(), scope.clone());
        tokio::spawn(async move {
            let last = tokio::select! {
                () = parts.closed() => return,
                last = queries.search_into(&scope, asked, now, Some(&parts)) => last,
            };
            // Nobody may be there to hear it.
            let _ = parts.send(last).await;
        });
        received
    }

    /// What was found until now goes on, when it is worth a part.
    pub(super) async fn hand_on(&self, filling: &mut Filling<'_>, next: Place) -> Result<(), ApiError> {
        let Some(parts) = filling.parts.filter(|_| filling.is_part_due()) else { return Ok(()) };
        let part = self.page(filling, Some(next), false).await?;
        filling.handed_on_at = Instant::now();
        // That nobody listens ends the search from without.
        let _ = parts.send(Ok(part)).await;
        Ok(())
    }
}

impl Filling<'_> {
    fn is_part_due(&self) -> bool {
        let is_first = self.handed_on == 0;
        !self.hits.is_empty() && (is_first || self.handed_on_at.elapsed() >= PART_AFTER)
    }
}
