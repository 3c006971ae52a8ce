//! Two traces side by side, or one beside what stands for its root operation: they are read, `model` aligns them.

use model::trace::Diff;
use model::trace::diff::Compare;
use model::{ApiError, ErrorCode, Scope};

use super::Queries;

impl Queries {
    /// At least one of the sides is a trace.
    pub async fn diff(
        &self,
        scope: &Scope,
        a: Compare,
        b: Compare,
        window_secs: u64,
    ) -> Result<Diff, ApiError> {
        let is_first = a.trace().is_some();
        let (one, other) = if is_first { (a, b) } else { (b, a) };
        let Some(one) = one.trace() else {
            return Err(ApiError::bad_request("neither side is a trace", "give a trace id for a or b"));
        };
        let other = match other {
            Compare::Trace(id) => Some(id),
            Compare::Typical => None,
            named => Some(self.peer(scope, one, named, window_secs).await?),
        };
        let aligned = match other {
            Some(other) => {
                let (one, other) = tokio::try_join!(self.trace(scope, one), self.trace(scope, other))?;
                aside(move || Some(if is_first { Diff::new(&one, &other) } else { Diff::new(&other, &one) }))
                    .await
            }
            None => {
                let (trace, (peers, of)) =
                    tokio::try_join!(self.trace(scope, one), self.peer_traces(scope, one, window_secs))?;
                aside(move || {
                    let diff = Diff::from_typical(&peers, of, &trace)?;
                    Some(if is_first { diff.turned_round() } else { diff })
                })
                .await
            }
        };
        aligned.ok_or_else(|| {
            let hint = "this is a fault in Skein; its log has the details";
            ApiError::new(ErrorCode::Internal, "the traces could not be aligned", hint)
        })
    }
}

/// Large traces take a while, and others are waiting for this thread.
async fn aside(align: impl FnOnce() -> Option<Diff> + Send + 'static) -> Option<Diff> {
    let aligned = tokio::task::spawn_blocking(align).await;
    aligned.inspect_err(|error| tracing::error!(%error, "traces could not be aligned")).ok().flatten()
}
