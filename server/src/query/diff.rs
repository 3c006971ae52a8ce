//! Two traces side by side: both are read, `model` aligns them.

use model::trace::Diff;
use model::{ApiError, ErrorCode, Scope, TraceId};

use super::Queries;

impl Queries {
    pub async fn diff(&self, scope: &Scope, a: TraceId, b: TraceId) -> Result<Diff, ApiError> {
        let (a, b) = tokio::try_join!(self.trace(scope, a), self.trace(scope, b))?;
        // Large traces take a while, and others are waiting for this thread.
        tokio::task::spawn_blocking(move || Diff::new(&a, &b)).await.map_err(|error| {
            tracing::error!(%error, "two traces could not be aligned");
            let hint = "this is a fault in Skein; its log has the details";
            ApiError::new(ErrorCode::Internal, "the two traces could not be aligned", hint)
        })
    }
}
