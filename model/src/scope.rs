//! What a query may see. There is no query without one.

use serde::{Deserialize, Serialize};

use crate::TenantId;

/// The limits of a caller's sight: made by the server's `access`, required by every query plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    pub tenant: TenantId,
}
