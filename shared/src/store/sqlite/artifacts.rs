//! Artifacts.

use async_trait::async_trait;
use sqlx::Row as _;

use super::Sqlite;
use crate::artifact::Digest;
use crate::store::{Artifacts, Error};

#[async_trait]
impl Artifacts for Sqlite {
    async fn put(&self, digest: Digest, bytes: &[u8]) -> Result<bool, Error> {
        let stored = sqlx::query(
            "INSERT INTO artifacts (digest, bytes, created_at) VALUES ($1, $2, $3) ON CONFLICT (digest) DO NOTHING",
        )
        .bind(digest.to_string())
        .bind(bytes)
        .bind(self.clock.now())
        .execute(&self.writer)
        .await?;
        Ok(stored.rows_affected() == 1)
    }

    async fn find(&self, digest: Digest) -> Result<Option<Vec<u8>>, Error> {
        let row = sqlx::query("SELECT bytes FROM artifacts WHERE digest = $1")
            .bind(digest.to_string())
            .fetch_optional(&self.readers)
            .await?;
        Ok(row.map(|row| row.try_get("bytes")).transpose()?)
    }

    async fn contains(&self, digest: Digest) -> Result<bool, Error> {
        let row = sqlx::query("SELECT 1 FROM artifacts WHERE digest = $1")
            .bind(digest.to_string())
            .fetch_optional(&self.readers)
            .await?;
        Ok(row.is_some())
    }
}
