//! One step of a replay. Its row is locked meanwhile, and all that the step does commits together: whoever is killed in
//! the middle has done nothing, and whoever looks sees every letter counted once.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

use super::replays::{ReplayRow, add_items};
use super::{Connection, Driver, artifacts, candidates, inserts, rows, selections};
use crate::agent::Blob;
use crate::job::Status;
use crate::replay::judging::{Candidate, Refused, submission};
use crate::replay::pace::Next;
use crate::replay::{Item, Outcome, Refusal, ReplayState};
use crate::store::{Error, Inserted, Step};
use crate::submission::Submission;

/// Letters of one step: their policies travel with them.
const LETTERS: u64 = 100;

/// Jobs of one step whose end is seen.
const ENDS: i64 = 1000;

impl ReplayRow {
    pub(super) async fn advance(
        &mut self,
        tx: &mut Connection,
        max_replays: u32,
        now: DateTime<Utc>,
    ) -> Result<Step, Error> {
        let mut step = Step::default();
        let mut next_at = now;
        self.settle(&mut *tx).await?;
        match self.replay.state {
            ReplayState::Selecting => self.select(&mut *tx).await?,
            ReplayState::Running => {
                match self.pace.next(&self.replay.plan, &self.replay.counts, now) {
                    Next::Go(most) => {
                        step.jobs = self
                            .release(&mut *tx, most.min(LETTERS), max_replays, now)
                            .await?;
                    }
                    Next::Wait(time) => next_at = now + time,
                    Next::Stop(reason) => {
                        self.replay.state = ReplayState::Stopped;
                        self.replay.reason = Some(reason);
                    }
                    Next::Finish => {
                        self.replay.state = ReplayState::Finished;
                        self.replay.ended_at = Some(now);
                    }
                }
            }
            // Only the ends of its jobs are awaited.
            _ => next_at = now + chrono::TimeDelta::seconds(1),
        }
        self.save(tx, next_at).await?;
        Ok(step)
    }

    /// Sees which of its jobs have ended.
    async fn settle(&mut self, tx: &mut Connection) -> Result<(), Error> {
        if self.replay.counts.queued == 0 {
            return Ok(());
        }
        let ended = sqlx::query(
            "SELECT position, status FROM replay_items LEFT JOIN jobs ON jobs.id = job_id \
             WHERE replay_id = $1 AND outcome = 'queued' \
             AND (status IS NULL OR status NOT IN ('queued', 'running')) ORDER BY position LIMIT $2",
        )
        .bind(self.replay.id)
        .bind(ENDS)
        .fetch_all(&mut *tx)
        .await?;
        let (mut succeeded, mut failed) = (Vec::new(), Vec::new());
        for row in &ended {
            let status: Option<String> = row.try_get("status")?;
            let position: i64 = row.try_get("position")?;
            if status.as_deref() == Some(Status::Completed.as_str()) {
                succeeded.push(position);
            } else {
                failed.push(position);
            }
        }
        let counts = &mut self.replay.counts;
        counts.queued -= ended.len() as u64;
        counts.succeeded += succeeded.len() as u64;
        counts.failed += failed.len() as u64;
        for (outcome, positions) in [(Outcome::Succeeded, succeeded), (Outcome::Failed, failed)] {
            if positions.is_empty() {
                continue;
            }
            let mut update = QueryBuilder::<Driver>::new("UPDATE replay_items SET outcome = ");
            update.push_bind(outcome.as_str());
            update.push(" WHERE replay_id = ").push_bind(self.replay.id);
            update.push(" AND position IN (");
            let mut list = update.separated(", ");
            for position in positions {
                list.push_bind(position);
            }
            update.push(")");
            update.build().execute(&mut *tx).await?;
        }
        Ok(())
    }

    /// Finds some of its letters.
    async fn select(&mut self, tx: &mut Connection) -> Result<(), Error> {
        let replay = &mut self.replay;
        let mut chunk = selections::chunk(
            &mut *tx,
            &replay.selection,
            replay.created_at,
            self.after,
            selections::CHUNK,
        )
        .await?;
        let limit = u64::from(replay.plan.limit.unwrap_or(u32::MAX));
        let room = limit.saturating_sub(replay.counts.total);
        chunk
            .ids
            .truncate(usize::try_from(room).unwrap_or(usize::MAX));
        add_items(tx, replay, &chunk.ids).await?;
        let found = chunk.ids.len() as u64;
        replay.counts.total += found;
        replay.counts.remaining += found;
        self.after = chunk.next;
        if chunk.next.is_none() || found == room {
            replay.selected = true;
            replay.state = ReplayState::Running;
        }
        Ok(())
    }

    /// Makes jobs of its next letters; which are to be published.
    async fn release(
        &mut self,
        tx: &mut Connection,
        most: u64,
        max_replays: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<Submission>, Error> {
        // They have their turns in the order of their positions.
        let begun = self.replay.counts.total - self.replay.counts.remaining;
        let next = sqlx::query(
            "SELECT position, letter_id FROM replay_items WHERE replay_id = $1 AND position >= $3 \
             ORDER BY position LIMIT $2",
        )
        .bind(self.replay.id)
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .bind(i64::try_from(begun).unwrap_or(i64::MAX))
        .fetch_all(&mut *tx)
        .await?;
        let mut turns = Vec::with_capacity(next.len());
        for row in &next {
            turns.push((
                rows::number::<u64>(row, "position")?,
                row.try_get::<Uuid, _>("letter_id")?,
            ));
        }
        let ids: Vec<_> = turns.iter().map(|(_, letter)| *letter).collect();
        candidates::lock(&mut *tx, &ids).await?;
        let candidates = candidates::candidates(&mut *tx, &ids).await?;
        let mut candidates: HashMap<_, _> = candidates
            .into_iter()
            .map(|candidate| (candidate.letter.id, candidate))
            .collect();
        let mut items = Vec::with_capacity(turns.len());
        let mut submissions = Vec::new();
        for (position, letter_id) in turns {
            let candidate = candidates.remove(&letter_id);
            let judged = match &candidate {
                Some(candidate) => submission(candidate, &self.replay.plan, max_replays, now),
                None => Err(Refused::new(Refusal::Gone, "it is not kept any more")),
            };
            let job_id = candidate.as_ref().and_then(Candidate::replay_job_id);
            let mut item = Item {
                position,
                letter_id,
                outcome: Outcome::Queued,
                refusal: None,
                detail: None,
                job_id,
            };
            match judged {
                Ok(submission) => submissions.push(submission),
                Err(refused) => refuse(&mut item, refused),
            }
            items.push(item);
        }
        refuse_without_artifacts(&mut *tx, &mut items, &mut submissions, now).await?;
        let inserted = inserts::insert(&mut *tx, &submissions).await?;
        let mut new = Vec::with_capacity(submissions.len());
        // Those that are left became submissions, in the same order.
        let accepted = items
            .iter_mut()
            .filter(|item| item.outcome == Outcome::Queued);
        for ((submission, inserted), item) in submissions.into_iter().zip(inserted).zip(accepted) {
            if inserted == Inserted::New {
                new.push(submission);
            } else {
                // Somebody retried the job in this moment, or another letter of this step names it.
                let detail = "a job that repeats it is there already";
                refuse(item, Refused::new(Refusal::AlreadyReplayed, detail));
            }
        }
        note_items(&mut *tx, self.replay.id, &items).await?;
        note_letters(tx, &items, now).await?;
        self.count(&items);
        Ok(new)
    }

    fn count(&mut self, items: &[Item]) {
        let refused = items.iter().filter_map(|item| item.refusal);
        for refusal in refused {
            *self.replay.refusals.entry(refusal).or_default() += 1;
            self.replay.counts.refused += 1;
            self.replay.counts.remaining -= 1;
        }
        let gone = items.iter().filter(|item| item.refusal.is_none()).count() as u64;
        self.replay.counts.queued += gone;
        self.replay.counts.remaining -= gone;
        self.pace.note(gone);
        self.replay.wave = self.pace.wave;
    }
}

fn refuse(item: &mut Item, refused: Refused) {
    let goes_on = matches!(
        refused.refusal,
        Refusal::AlreadyReplayed | Refusal::CompletedMeanwhile
    );
    item.outcome = Outcome::Refused;
    item.refusal = Some(refused.refusal);
    item.detail = Some(refused.detail);
    item.job_id = item.job_id.filter(|_| goes_on);
}

/// Refuses those that name an artifact that is not stored.
async fn refuse_without_artifacts(
    tx: &mut Connection,
    items: &mut [Item],
    submissions: &mut Vec<Submission>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let named = |submission: &Submission| {
        let agent = &submission.request.agent_state;
        let blobs = [Some(&agent.policy), agent.vec_normalize.as_ref()];
        let digests = blobs.into_iter().flatten().filter_map(|blob| match blob {
            Blob::Artifact(digest) => Some(*digest),
            Blob::Inline(_) => None,
        });
        digests.collect::<Vec<_>>()
    };
    let digests: HashSet<_> = submissions.iter().flat_map(named).collect();
    let missing = artifacts::missing(tx, digests, now).await?;
    if missing.is_empty() {
        return Ok(());
    }
    let mut gone = HashMap::new();
    submissions.retain(|submission| {
        let lacks = named(submission)
            .into_iter()
            .find(|digest| missing.contains(digest));
        lacks
            .map(|digest| gone.insert(submission.job_id, digest))
            .is_none()
    });
    for item in items
        .iter_mut()
        .filter(|item| item.outcome == Outcome::Queued)
    {
        if let Some(digest) = item.job_id.and_then(|id| gone.get(&id)) {
            let detail = format!("no artifact {digest} is stored");
            refuse(item, Refused::new(Refusal::ArtifactGone, detail));
        }
    }
    Ok(())
}

async fn note_items(tx: &mut Connection, replay_id: Uuid, items: &[Item]) -> Result<(), Error> {
    if items.is_empty() {
        return Ok(());
    }
    let mut update = QueryBuilder::<Driver>::new(
        "UPDATE replay_items SET outcome = turn.column2, refusal = turn.column3, detail = turn.column4, \
         job_id = turn.column5 FROM (",
    );
    update.push_values(items, |mut row, item| {
        row.push_bind(i64::try_from(item.position).unwrap_or(i64::MAX));
        row.push_bind(item.outcome.as_str());
        row.push_bind(item.refusal.map(Refusal::as_str));
        row.push_bind(item.detail.as_deref().map(rows::storable));
        row.push_bind(item.job_id);
    });
    update.push(") AS turn WHERE position = turn.column1 AND replay_id = ");
    update.push_bind(replay_id).build().execute(tx).await?;
    Ok(())
}

/// Notes where letters go on: as their new jobs, or as those that somebody made of them before.
async fn note_letters(
    tx: &mut Connection,
    items: &[Item],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let go_on = items
        .iter()
        .filter_map(|item| Some((item.letter_id, item.job_id?)));
    let go_on: Vec<_> = go_on.collect();
    if go_on.is_empty() {
        return Ok(());
    }
    let mut update = QueryBuilder::<Driver>::new(
        "UPDATE dead_letters SET state = 'replayed', replayed_as = turn.column2, state_since = ",
    );
    update.push_bind(now).push(" FROM (");
    update.push_values(go_on, |mut row, (letter, job)| {
        row.push_bind(letter).push_bind(job);
    });
    update.push(") AS turn WHERE id = turn.column1 AND state <> 'replayed'");
    update.build().execute(tx).await?;
    Ok(())
}
