//! Which jobs are meant.

use chrono::{DateTime, Utc};
use tars_engine::policy_file::Algorithm;
use uuid::Uuid;

use crate::job::Status;
use crate::request::Priority;

/// Which jobs to list. The default lists all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Only jobs in this status.
    pub status: Option<Status>,
    /// Only jobs of this algorithm.
    pub agent_type: Option<Algorithm>,
    /// Only jobs that name this environment.
    pub environment: Option<String>,
    /// Only jobs with this label and value.
    pub label: Option<(String, String)>,
    /// Only jobs of this account.
    pub submitter: Option<String>,
    /// Only jobs of this priority.
    pub priority: Option<Priority>,
    /// Only jobs that were submitted before this moment.
    pub submitted_before: Option<DateTime<Utc>>,
    /// Only jobs older than this place in the listing: the submission time and id of the last job
    /// seen.
    pub before: Option<(DateTime<Utc>, Uuid)>,
}
