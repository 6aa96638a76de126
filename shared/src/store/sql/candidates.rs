//! Dead letters with all that decides upon their replay.

use std::collections::HashMap;

use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

use super::{Connection, push_ids, rows};
use crate::replay::judging::{Candidate, Successor};
use crate::store::Error;
use crate::submission::Submission;

/// Letters with everything, for [`rows::dead_letter`].
pub(super) const LETTERS: &str = "SELECT letter.*, parameters, subject FROM dead_letters AS letter \
     LEFT JOIN jobs ON jobs.id = letter.job_id";

/// Locks letters in the order of their ids, as all do who lock several: of two replays, one comes first.
pub(super) async fn lock(tx: &mut Connection, ids: &[Uuid]) -> Result<(), Error> {
    let mut lock = QueryBuilder::new("SELECT id FROM dead_letters WHERE id ");
    push_ids(&mut lock, ids);
    lock.push(concat!(" ORDER BY id", for_update!()));
    lock.build().fetch_all(tx).await?;
    Ok(())
}

/// Those of these letters that there are and can be read, the oldest first.
pub(super) async fn candidates(
    connection: &mut Connection,
    ids: &[Uuid],
) -> Result<Vec<Candidate>, Error> {
    let mut select = QueryBuilder::new(LETTERS);
    select.push(" WHERE letter.id ");
    push_ids(&mut select, ids);
    select.push(" ORDER BY at, letter.id");
    let letters = select.build().fetch_all(&mut *connection).await?;
    let letters = letters
        .iter()
        .filter_map(|row| rows::readable(rows::dead_letter(row)));
    let letters: Vec<_> = letters.collect();
    let jobs: Vec<_> = letters.iter().filter_map(|letter| letter.job_id).collect();
    let mut formers = submissions(&mut *connection, &jobs).await?;
    let mut candidates: Vec<_> = letters
        .into_iter()
        .map(|letter| {
            let former = letter.job_id.and_then(|id| formers.remove(&id));
            Candidate::new(letter, former)
        })
        .collect();
    let successors: Vec<_> = candidates
        .iter()
        .filter_map(Candidate::replay_job_id)
        .collect();
    let mut select = QueryBuilder::new("SELECT id, status, request_hash FROM jobs WHERE id ");
    push_ids(&mut select, &successors);
    let mut there = HashMap::new();
    for row in &select.build().fetch_all(connection).await? {
        let successor = Successor {
            status: rows::status(row)?,
            request_hash: rows::request_hash(row)?,
        };
        there.insert(row.try_get::<Uuid, _>("id")?, successor);
    }
    for candidate in &mut candidates {
        candidate.successor = candidate
            .replay_job_id()
            .and_then(|id| there.get(&id).copied());
    }
    Ok(candidates)
}

async fn submissions(
    connection: &mut Connection,
    jobs: &[Uuid],
) -> Result<HashMap<Uuid, Submission>, Error> {
    let mut select = QueryBuilder::new("SELECT ");
    select.push(rows::SUBMISSION).push(" FROM jobs WHERE id ");
    push_ids(&mut select, jobs);
    let found = select.build().fetch_all(connection).await?;
    let readable = found
        .iter()
        .filter_map(|row| rows::readable(rows::submission(row)));
    Ok(readable
        .map(|submission| (submission.job_id, submission))
        .collect())
}
