//! Job ids on the command line, and in paths.

use uuid::Uuid;

/// A job id from the command line.
pub(in crate::commands) fn job_id(text: &str) -> Result<Uuid, &'static str> {
    Uuid::try_parse(text).map_err(|_| "it must be a job's full id, as `tars jobs list` shows it")
}

/// The path of a job, or of something that can be done to it.
pub(super) fn path(id: Uuid, action: &str) -> String {
    format!("/v1/jobs/{id}{action}")
}
