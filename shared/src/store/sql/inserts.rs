//! Recording submissions, many at once.

use std::collections::{HashMap, HashSet};

use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

use super::recording::record;
use super::{Connection, push_ids, rows};
use crate::artifact::Digest;
use crate::store::{Error, Inserted};
use crate::submission::Submission;

/// Ids of one statement. Databases bound the number of its parameters.
const IDS: usize = 1000;

/// Records each submission unless its id is known already. One that is known with another request
/// changes nothing.
pub(super) async fn insert(
    tx: &mut Connection,
    submissions: &[Submission],
) -> Result<Vec<Inserted>, Error> {
    let distinct = distinct(submissions);
    let new = record(&mut *tx, &distinct).await?;
    let hashes = request_hashes(tx, &known(&distinct, &new)).await?;
    Ok(outcomes(submissions, new, &hashes))
}

/// Of several with the same id the first one. All who insert several jobs do so in the order of
/// their ids, so that two who insert the same ones wait for each other and never in a circle.
pub(super) fn distinct(submissions: &[Submission]) -> Vec<&Submission> {
    let mut sorted: Vec<_> = submissions.iter().collect();
    sorted.sort_by_key(|submission| submission.job_id);
    sorted.dedup_by_key(|submission| submission.job_id);
    sorted
}

/// Those that were not new.
pub(super) fn known<'a>(distinct: &[&'a Submission], new: &HashSet<Uuid>) -> Vec<&'a Submission> {
    let distinct = distinct.iter().copied();
    distinct
        .filter(|submission| !new.contains(&submission.job_id))
        .collect()
}

/// What became of each, when these ids were new and the others were known with these requests.
pub(super) fn outcomes(
    submissions: &[Submission],
    mut new: HashSet<Uuid>,
    known: &HashMap<Uuid, Digest>,
) -> Vec<Inserted> {
    let mut hashes = known.clone();
    let inserted = |submission: &Submission| {
        let (id, hash) = (submission.job_id, submission.request_hash);
        if new.remove(&id) {
            hashes.insert(id, hash);
            Inserted::New
        } else if hashes.get(&id) == Some(&hash) {
            Inserted::Known
        } else {
            Inserted::Conflict
        }
    };
    submissions.iter().map(inserted).collect()
}

/// The requests that jobs are recorded with.
pub(super) async fn request_hashes(
    tx: &mut Connection,
    known: &[&Submission],
) -> Result<HashMap<Uuid, Digest>, Error> {
    let mut hashes = HashMap::with_capacity(known.len());
    for batch in known.chunks(IDS) {
        let ids: Vec<_> = batch.iter().map(|submission| submission.job_id).collect();
        let mut select = QueryBuilder::new("SELECT id, request_hash FROM jobs WHERE id ");
        push_ids(&mut select, &ids);
        for row in &select.build().fetch_all(&mut *tx).await? {
            hashes.insert(row.try_get("id")?, rows::request_hash(row)?);
        }
    }
    Ok(hashes)
}
