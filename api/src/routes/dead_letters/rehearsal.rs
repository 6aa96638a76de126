//! A dry run: what a replay would do, and nothing of it done.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use tars_shared::replay::document::{document, shown};
use tars_shared::replay::judging::{Candidate, Refused, submission};
use tars_shared::replay::{Plan, Refusal, Selection};
use tars_shared::submission::Submission;
use tokio::time::Instant;
use uuid::Uuid;

use super::policies::Policies;
use crate::context::Context;
use crate::deadline::within;
use crate::problem::Problem;

/// Refusals that are told one by one.
const REFUSALS: usize = 100;
/// Requests that are shown.
const SAMPLES: usize = 3;
/// A request answers within five seconds: what was seen by then is told.
const TIME: Duration = Duration::from_millis(2500);

/// What a replay would do.
#[derive(Serialize, JsonSchema)]
pub(super) struct Rehearsal {
    /// Always true: nothing was changed.
    dry_run: bool,
    /// Letters that the selection means.
    matched: u64,
    /// How many of them would run.
    would_run: u64,
    /// How many would be refused, by reason.
    refused: BTreeMap<Refusal, u64>,
    /// The first hundred of these.
    refusals: Vec<WouldRefuse>,
    /// A few requests as they were and as they would be; bytes are left out.
    samples: Vec<Sample>,
    /// Whether all letters were looked at in time; if not, there are more than this tells of.
    complete: bool,
}

/// A letter that would not be replayed.
#[derive(Serialize, JsonSchema)]
struct WouldRefuse {
    id: Uuid,
    refusal: Refusal,
    detail: String,
}

/// A request before and after.
#[derive(Serialize, JsonSchema)]
struct Sample {
    id: Uuid,
    before: Value,
    after: Value,
}

/// Looks at the letters of a selection as a replay would.
pub(super) async fn rehearse(
    context: &Context,
    selection: &Selection,
    plan: &Plan,
) -> Result<Rehearsal, Problem> {
    let now = context.services.clock.now();
    let end = Instant::now() + TIME;
    let limit = plan.limit.map_or(u64::MAX, u64::from);
    let mut rehearsal = Rehearsal {
        dry_run: true,
        matched: 0,
        would_run: 0,
        refused: BTreeMap::new(),
        refusals: Vec::new(),
        samples: Vec::new(),
        complete: true,
    };
    let mut policies = Policies::default();
    let mut after = None;
    loop {
        let letters = context.services.store.dead_letters.clone();
        let asked = selection.clone();
        let found = within(async move { letters.candidates(&asked, now, after).await }).await?;
        for candidate in found.letters {
            if rehearsal.matched < limit {
                let judged = submission(&candidate, plan, context.keeping.max_replays, now);
                let judged = match judged {
                    Ok(submission) => policies.check(context, submission).await?,
                    Err(refused) => Err(refused),
                };
                rehearsal.note(&candidate, judged)?;
            }
            rehearsal.matched += 1;
        }
        after = found.next;
        if after.is_none() {
            break;
        }
        if Instant::now() >= end {
            rehearsal.complete = false;
            break;
        }
    }
    Ok(rehearsal)
}

impl Rehearsal {
    fn note(
        &mut self,
        candidate: &Candidate,
        judged: Result<Submission, Refused>,
    ) -> Result<(), Problem> {
        let id = candidate.letter.id;
        match judged {
            Err(Refused { refusal, detail }) => {
                *self.refused.entry(refusal).or_default() += 1;
                if self.refusals.len() < REFUSALS {
                    self.refusals.push(WouldRefuse {
                        id,
                        refusal,
                        detail,
                    });
                }
            }
            Ok(submission) => {
                self.would_run += 1;
                if self.samples.len() < SAMPLES
                    && let Some(former) = &candidate.former
                {
                    let show = |request| document(request).map(shown);
                    let before = show(&former.request).map_err(|_| Problem::internal())?;
                    let after = show(&submission.request).map_err(|_| Problem::internal())?;
                    self.samples.push(Sample { id, before, after });
                }
            }
        }
        Ok(())
    }
}
