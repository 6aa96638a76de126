//! What an environment's result is compared with.

use tars_engine::regression;
use uuid::Uuid;

/// What an environment's result is compared with.
pub(in crate::commands) struct Reference {
    pub(in crate::commands) statistics: regression::Baseline,
    /// The id that the service gave it.
    pub(super) id: Option<Uuid>,
    /// Where it comes from, in words.
    pub(super) source: String,
}
