//! What those have under way who submit jobs.

use async_trait::async_trait;

use super::Adapter;
use crate::store::{Error, Submitters};

#[async_trait]
impl Submitters for Adapter {
    async fn open_jobs(&self, subject: &str) -> Result<u64, Error> {
        let open: i64 = sqlx::query_scalar(
            "SELECT CAST(coalesce(sum(jobs), 0) AS BIGINT) FROM open_jobs WHERE subject = $1",
        )
        .bind(subject)
        .fetch_one(&mut *self.reader().await?)
        .await?;
        // Rows that are counted by several may show less than nothing on a replica, for a moment.
        Ok(u64::try_from(open).unwrap_or(0))
    }
}
