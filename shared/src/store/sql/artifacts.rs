//! Artifacts.

use std::collections::HashSet;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::Row as _;

use super::{Adapter, Connection, Statement};
use crate::artifact::Digest;
use crate::store::{Artifacts, Error};

/// How exactly it is known when an artifact was last named.
const NOTED_USE: TimeDelta = TimeDelta::hours(1);

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
        let new = !self.carry_out(put).await?.is_empty();
        if !new {
            self.note_use(digest).await?;
        }
        Ok(new)
    }

    async fn find(&self, digest: Digest) -> Result<Option<Vec<u8>>, Error> {
        let row = sqlx::query("SELECT bytes FROM artifacts WHERE digest = $1")
            .bind(digest.to_string())
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        Ok(row.map(|row| row.try_get("bytes")).transpose()?)
    }

    async fn contains(&self, digest: Digest) -> Result<bool, Error> {
        let used: Option<DateTime<Utc>> = sqlx::query_scalar(USED)
            .bind(digest.to_string())
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        let Some(used) = used else { return Ok(false) };
        // Whoever asks is about to name it.
        if used + NOTED_USE <= self.now() {
            self.note_use(digest).await?;
        }
        Ok(true)
    }
}

impl Adapter {
    async fn note_use(&self, digest: Digest) -> Result<(), Error> {
        self.carry_out(note_use(digest, self.now())).await?;
        Ok(())
    }
}

fn note_use(digest: Digest, now: DateTime<Utc>) -> Statement<'static> {
    sqlx::query("UPDATE artifacts SET used_at = $2 WHERE digest = $1")
        .bind(digest.to_string())
        .bind(now)
}

const USED: &str = "SELECT coalesce(used_at, created_at) FROM artifacts WHERE digest = $1";

/// Those of some artifacts that are not stored. The others are about to be named.
pub(super) async fn missing(
    tx: &mut Connection,
    digests: HashSet<Digest>,
    now: DateTime<Utc>,
) -> Result<HashSet<Digest>, Error> {
    let mut missing = HashSet::new();
    // Whoever notes the use of several does so in one order.
    let mut digests: Vec<_> = digests.into_iter().collect();
    digests.sort_unstable();
    for digest in digests {
        let used: Option<DateTime<Utc>> = sqlx::query_scalar(USED)
            .bind(digest.to_string())
            .fetch_optional(&mut *tx)
            .await?;
        match used {
            None => _ = missing.insert(digest),
            Some(used) if used + NOTED_USE <= now => {
                note_use(digest, now).execute(&mut *tx).await?;
            }
            Some(_) => {}
        }
    }
    Ok(missing)
}
