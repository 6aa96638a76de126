//! What is paused, as this worker knows it: looked up once a second. What is delivered of it is set
//! aside in the store instead of being claimed, and released there when its pause is over.

use std::slice::from_ref;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tars_shared::pause::{self, Pause, Scope};
use tars_shared::store::{Aside, Batcher, Error, Hold, Jobs, Pauses as Port, Store};
use tars_shared::submission::Submission;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::outcome::Outcome;
use crate::retrying::answer;

/// A pause acts everywhere within this time, and what an answer of the store takes.
const INTERVAL: Duration = Duration::from_secs(1);

/// Jobs that one call releases.
const BATCH: u32 = 1000;

/// What is paused.
pub(crate) struct Pauses {
    /// Nothing until the store has been asked for the first time.
    known: watch::Sender<Option<Arc<[Pause]>>>,
    /// For what precedes an attempt, as the handler has it.
    jobs: Arc<dyn Jobs>,
    setting_aside: Batcher<Hold, Aside>,
}

impl std::fmt::Debug for Pauses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pauses")
            .field("known", &self.known)
            .finish_non_exhaustive()
    }
}

impl Pauses {
    /// `store` is the store as handlers ask it before an attempt.
    pub(crate) fn new(store: &Store) -> Self {
        Self {
            known: watch::Sender::new(None),
            jobs: store.jobs.clone(),
            setting_aside: setting_aside(store.pauses.clone()),
        }
    }

    /// Looks at what is paused, and releases what no longer is, until `end`.
    pub(crate) async fn run(self: Arc<Self>, store: Store, end: CancellationToken) {
        let mut tick = tokio::time::interval(INTERVAL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = end.cancelled() => return,
            }
            // While the store is away nothing is begun, whatever was paused last.
            if let Err(error) = self.look(&store).await {
                tracing::debug!(%error, "what is paused is not known");
            }
        }
    }

    async fn look(&self, store: &Store) -> Result<(), Error> {
        let paused = answer(store.pauses.paused()).await?;
        let in_force: Arc<[Pause]> = paused.in_force.into();
        self.known.send_if_modified(|known| {
            let differs = known.as_ref() != Some(&in_force);
            *known = Some(in_force);
            differs
        });
        if paused.over.is_empty() || !store.hosts.is_writable() {
            return Ok(());
        }
        loop {
            let released = answer(store.pauses.release_held(&paused.over, BATCH)).await?;
            if released == 0 {
                return Ok(());
            }
            tracing::info!(jobs = released, "released: their pause is over");
        }
    }

    /// Waits until not everything is paused.
    pub(crate) async fn until_some_may_begin(&self) {
        self.until(|pauses| !has_all(pauses)).await;
    }

    /// Waits until everything is paused.
    pub(crate) async fn until_none_may_begin(&self) {
        self.until(has_all).await;
    }

    async fn until(&self, wanted: impl Fn(&[Pause]) -> bool) {
        let mut known = self.known.subscribe();
        let seen = known.wait_for(|known| known.as_deref().is_some_and(&wanted));
        // The sender lives as long as this.
        drop(seen.await);
    }

    /// The pauses that a job waits for.
    pub(crate) async fn covering(&self, submission: &Submission) -> Vec<Uuid> {
        let covering = |pauses: &[Pause]| {
            let parameters = &submission.request.parameters;
            let covering = pause::covering(pauses, &submission.subject, parameters);
            covering.map(|pause| pause.id).collect()
        };
        if let Some(known) = &*self.known.borrow() {
            return covering(known);
        }
        let mut known = self.known.subscribe();
        let known = known.wait_for(Option::is_some).await;
        let known = known.ok().and_then(|known| known.clone());
        known.as_deref().map(covering).unwrap_or_default()
    }

    /// Sets a delivered job aside for the first of its pauses that is not over. `None`: a claim has
    /// to decide what becomes of it.
    pub(crate) async fn set_aside(
        &self,
        submission: &Submission,
        covering: &[Uuid],
    ) -> Result<Option<Outcome>, Error> {
        for pause in covering {
            match self.set_aside_for(*pause, submission).await? {
                Aside::Held => {
                    tracing::debug!(job.id = %submission.job_id, pause.id = %pause, "paused");
                    return Ok(Some(Outcome::Held));
                }
                // Should its worker be gone, its lease expires, and a dispatcher publishes it.
                Aside::NotQueued => return Ok(Some(Outcome::Done)),
                Aside::Over => {}
                Aside::Claim | Aside::Unknown => break,
            }
        }
        Ok(None)
    }

    async fn set_aside_for(&self, pause: Uuid, submission: &Submission) -> Result<Aside, Error> {
        let job = Hold::of(submission, pause);
        let mut aside = self.setting_aside.submit(job).await?;
        if aside == Aside::Unknown {
            // It was accepted by its message alone.
            let inserted = self.jobs.insert_all(from_ref(submission)).await?;
            inserted.into_iter().collect::<Result<Vec<_>, _>>()?;
            aside = self.setting_aside.submit(job).await?;
        }
        Ok(aside)
    }
}

fn has_all(pauses: &[Pause]) -> bool {
    pauses.iter().any(|pause| pause.scope == Scope::All)
}

/// The jobs that are set aside, in batches.
fn setting_aside(pauses: Arc<dyn Port>) -> Batcher<Hold, Aside> {
    Batcher::sparing(move |jobs: Vec<Hold>| {
        let pauses = pauses.clone();
        async move {
            let answers = pauses.set_aside(&jobs).await?;
            Ok(answers.into_iter().map(Ok).collect())
        }
        .boxed()
    })
}

#[cfg(test)]
mod tests {
    use tars_shared::account::Actor;
    use tars_shared::clock::System;
    use tars_shared::conformance::samples;
    use tars_shared::pause::NewPause;
    use tars_shared::services::Services;

    use super::*;

    #[tokio::test]
    async fn a_job_of_several_pauses_waits_until_the_last_of_them_is_over() {
        let data = tempfile::tempdir().unwrap();
        let services = Services::embedded(data.path(), Arc::new(System)).await;
        let store = services.unwrap().store;
        let by = Actor::command();
        let mut begun = Vec::new();
        for scope in [Scope::All, Scope::Environment("Acrobot-v1".to_owned())] {
            let new = NewPause {
                scope,
                reason: "maintenance".to_owned(),
                until: None,
            };
            begun.push(store.pauses.pause(&new, &by).await.unwrap().unwrap().id);
        }
        let job = samples::submission(&System);
        store.jobs.insert(from_ref(&job)).await.unwrap();
        let pauses = Pauses::new(&store);
        pauses.look(&store).await.unwrap();
        let covering = pauses.covering(&job).await;
        assert_eq!(covering, begun);

        // It has not heard of this yet.
        store.pauses.resume(begun[0], &by).await.unwrap();
        let outcome = pauses.set_aside(&job, &covering).await.unwrap();
        assert_eq!(outcome, Some(Outcome::Held));
        assert_eq!(store.pauses.held().await.unwrap()[&begun[1]], 1);

        store.pauses.resume(begun[1], &by).await.unwrap();
        let outcome = pauses.set_aside(&job, &covering).await.unwrap();
        assert_eq!(outcome, None, "nothing keeps it from its claim");
    }
}
