//! Artifacts.

use async_trait::async_trait;
use sqlx::Row as _;

use super::Adapter;
use crate::artifact::Digest;
use crate::store::{Artifacts, Error};

#[async_trait]
impl Artifacts for Adapter {
    async fn put(&self, digest: Digest, bytes: &[u8]) -> Result<bool, Error> {
        let put = sqlx::query(
            "INSERT INTO artifacts (digest, bytes, created_at) VALUES ($1, $2, $3) \
             ON CONFLICT (digest) DO NOTHING RETURNING digest",
        )
        .bind(digest.to_string())
        .bind(bytes)
        .bind(self.now());
        Ok(!self.carry_out(put).await?.is_empty())
    }

    async fn find(&self, digest: Digest) -> Result<Option<Vec<u8>>, Error> {
        let row = sqlx::query("SELECT bytes FROM artifacts WHERE digest = $1")
            .bind(digest.to_string())
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        Ok(row.map(|row| row.try_get("bytes")).transpose()?)
    }

    async fn contains(&self, digest: Digest) -> Result<bool, Error> {
        let row = sqlx::query("SELECT 1 FROM artifacts WHERE digest = $1")
            .bind(digest.to_string())
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        Ok(row.is_some())
    }
}
