//! Results that are stored already and answer the same question.
//!
//! Only an environment that has run for a while asks, so that short jobs, which are most of them,
//! neither ask nor are remembered: an answer costs a question to the store, and nothing is gained
//! where the run is about as short.

use std::time::Duration;

use futures_util::FutureExt as _;
use tars_shared::artifact::Digest;
use tars_shared::job::EnvironmentResult;
use tars_shared::loaded_agent::identity;
use tars_shared::request::Stop;
use tars_shared::store::{Answer, Batcher, Error, ReusableResult, Store};
use tars_shared::submission::Submission;

use crate::retrying::within;

/// How long an environment runs before it asks: some times what the answer takes.
const ASK_AFTER: Duration = Duration::from_millis(25);

/// What took less is not worth a row: it would have been asked for in vain, or nearly.
const WORTH_NOTING: Duration = Duration::from_millis(50);

/// Whoever waits for an answer goes on running meanwhile, so a late one is only of no use.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The questions and answers of all jobs of a worker.
#[derive(Debug)]
pub(crate) struct Reuse {
    questions: Batcher<Digest, Option<ReusableResult>>,
    answers: Batcher<Answer, ()>,
}

/// One environment of a job.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) submission: &'a Submission,
    pub(crate) position: usize,
}

impl Reuse {
    /// `store` need not repeat its calls: an answer that does not come is none.
    pub(crate) fn new(store: &Store) -> Self {
        let (finding, noting) = (
            store.reusable_results.clone(),
            store.reusable_results.clone(),
        );
        Self {
            questions: Batcher::sparing(move |questions: Vec<Digest>| {
                let results = finding.clone();
                async move {
                    let answers = within(ANSWER_TIMEOUT, results.find(&questions)).await?;
                    Ok(answers.into_iter().map(Ok).collect())
                }
                .boxed()
            }),
            answers: Batcher::sparing(move |answers: Vec<Answer>| {
                let results = noting.clone();
                async move {
                    within(ANSWER_TIMEOUT, results.note(&answers)).await?;
                    Ok(answers.iter().map(|_| Ok(())).collect())
                }
                .boxed()
            }),
        }
    }

    /// A stored result, marked with where it comes from. It waits for a while before it asks, and for
    /// ever where there is none: the run is what answers then.
    pub(crate) async fn find(&self, place: Place<'_>) -> EnvironmentResult {
        if place.submission.request.parameters.reuse {
            tokio::time::sleep(ASK_AFTER).await;
            match self.ask(place).await {
                Ok(Some(ReusableResult { job_id, result })) => {
                    return EnvironmentResult {
                        reused_from: Some(job_id),
                        ..result
                    };
                }
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, "no stored result"),
            }
        }
        std::future::pending().await
    }

    async fn ask(&self, place: Place<'_>) -> Result<Option<ReusableResult>, Error> {
        match place.question()? {
            Some(question) => self.questions.submit(question).await,
            None => Ok(None),
        }
    }

    /// Notes a result that took long, before its job ends: it is found only afterwards.
    pub(crate) async fn note(&self, place: Place<'_>, took: Duration) {
        if took < WORTH_NOTING {
            return;
        }
        if let Err(error) = self.answer(place).await {
            tracing::debug!(%error, "a result will not be reused");
        }
    }

    async fn answer(&self, place: Place<'_>) -> Result<(), Error> {
        let Some(question) = place.question()? else {
            return Ok(());
        };
        let answer = Answer {
            question,
            job_id: place.submission.job_id,
            position: place.position,
        };
        self.answers.submit(answer).await
    }
}

impl Place<'_> {
    /// The digest of all that decides the bytes of its result. None where a verdict decides how many
    /// episodes there are.
    fn question(self) -> Result<Option<Digest>, Error> {
        let request = &self.submission.request;
        let parameters = &request.parameters;
        if parameters.stop != Stop::Never {
            return Ok(None);
        }
        let question = (
            identity(request)?,
            &parameters.environments[self.position],
            parameters.seed,
            parameters.num_episodes,
            parameters.deterministic,
            &parameters.losses,
            tars_engine::RESULTS,
        );
        let text = serde_json::to_vec(&question);
        text.map(|text| Some(Digest::of(&text)))
            .map_err(|error| Error::Corrupt(format!("parameters: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use async_trait::async_trait;
    use tars_shared::clock::System;
    use tars_shared::conformance::samples;
    use tars_shared::services::Services;
    use tars_shared::store::ReusableResults;

    use super::*;

    /// Counts what it is asked and told.
    #[derive(Default)]
    struct Counted {
        asked: AtomicU32,
        told: AtomicU32,
    }

    #[async_trait]
    impl ReusableResults for Counted {
        async fn note(&self, answers: &[Answer]) -> Result<(), Error> {
            self.told
                .fetch_add(u32::try_from(answers.len()).unwrap(), Ordering::SeqCst);
            Ok(())
        }

        async fn find(&self, questions: &[Digest]) -> Result<Vec<Option<ReusableResult>>, Error> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            Ok(vec![None; questions.len()])
        }
    }

    /// The store of a job that is over in a few milliseconds hears nothing of all this.
    #[tokio::test]
    async fn what_is_short_neither_asks_nor_tells() {
        let data = tempfile::tempdir().unwrap();
        let services = Services::embedded(data.path(), Arc::new(System)).await;
        let counted = Arc::new(Counted::default());
        let store = Store {
            reusable_results: counted.clone(),
            ..services.unwrap().store
        };
        let reuse = Reuse::new(&store);
        let submission = samples::submission(&System);
        let place = Place {
            submission: &submission,
            position: 0,
        };
        tokio::time::pause();
        let run = |time| tokio::time::timeout(time, reuse.find(place));
        assert!(run(ASK_AFTER / 2).await.is_err());
        reuse.note(place, WORTH_NOTING / 2).await;
        assert_eq!(counted.asked.load(Ordering::SeqCst), 0);
        assert_eq!(counted.told.load(Ordering::SeqCst), 0);

        assert!(run(2 * ASK_AFTER).await.is_err(), "there is no answer");
        reuse.note(place, WORTH_NOTING).await;
        assert_eq!(counted.asked.load(Ordering::SeqCst), 1);
        assert_eq!(counted.told.load(Ordering::SeqCst), 1);
    }
}
