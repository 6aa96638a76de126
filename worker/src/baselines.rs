//! What results are compared with. Many jobs ask at once, mostly for the same baseline.

use std::sync::Arc;

use futures_util::FutureExt as _;
use moka::future::Cache;
use tars_shared::baseline::Baseline;
use tars_shared::store::{Batcher, BestBaseline, Error, Store};
use uuid::Uuid;

/// Baselines that are kept; each may hold the returns of a thousand episodes.
const CAPACITY: u64 = 256;

/// The baselines of all jobs of a worker.
#[derive(Debug)]
pub(crate) struct Baselines {
    store: Store,
    questions: Batcher<BestBaseline, Option<Uuid>>,
    /// A baseline's content never changes.
    known: Cache<Uuid, Arc<Baseline>>,
}

impl Baselines {
    pub(crate) fn new(store: &Store) -> Self {
        let baselines = store.baselines.clone();
        let questions = Batcher::sparing(move |questions: Vec<BestBaseline>| {
            let baselines = baselines.clone();
            async move {
                let answers = baselines.best(&questions).await?;
                Ok(answers.into_iter().map(Ok).collect())
            }
            .boxed()
        });
        Self {
            store: store.clone(),
            questions,
            known: Cache::new(CAPACITY),
        }
    }

    /// The baseline that was the best at that time.
    pub(crate) async fn best(
        &self,
        question: BestBaseline,
    ) -> Result<Option<Arc<Baseline>>, Error> {
        let Some(id) = self.questions.submit(question).await? else {
            return Ok(None);
        };
        let fetched = self.known.try_get_with(id, async {
            let found = self.store.baselines.find(id).await?;
            let gone = || Error::Corrupt(format!("there is no baseline {id}"));
            found.map(Arc::new).ok_or_else(gone)
        });
        fetched.await.map(Some).map_err(|error| (*error).clone())
    }
}
