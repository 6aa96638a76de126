//! Results that answer the same question again.

use async_trait::async_trait;
use uuid::Uuid;

use super::Error;
use crate::artifact::Digest;
use crate::job::EnvironmentResult;

/// Results that answer the same question again. A question is the digest of all that decides an
/// evaluation's bytes.
#[async_trait]
pub trait ReusableResults: Send + Sync {
    /// Notes which results answer which questions. They are found once their jobs are completed, and
    /// go with them. Noting one twice changes nothing.
    async fn note(&self, answers: &[Answer]) -> Result<(), Error>;

    /// A result of a completed job for each question, without its comparison.
    async fn find(&self, questions: &[Digest]) -> Result<Vec<Option<ReusableResult>>, Error>;
}

/// Where the answer to a question will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The question.
    pub question: Digest,
    /// The job that has the result.
    pub job_id: Uuid,
    /// The place of the environment in its request.
    pub position: usize,
}

/// A result, and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct ReusableResult {
    /// The job that evaluated it.
    pub job_id: Uuid,
    /// What it found out.
    pub result: EnvironmentResult,
}
