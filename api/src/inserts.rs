//! Records submissions: those of many requests in one transaction.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tars_shared::store::{Batcher, Error, Inserted, Store};
use tars_shared::submission::Submission;

use crate::deadline::in_time;

/// How long a batch may take. Nobody waits longer for it, and those behind it shall not either.
const BATCH_TIMEOUT: Duration = Duration::from_secs(2);

/// Records the submissions of all requests.
#[derive(Debug)]
pub(crate) struct Inserts {
    store: Store,
    singles: Arc<Batcher<Submission, Inserted>>,
}

impl Inserts {
    pub(crate) fn new(store: &Store) -> Self {
        let jobs = store.jobs.clone();
        let singles = Batcher::new(move |submissions: Vec<Submission>| {
            let jobs = jobs.clone();
            let insert = async move { jobs.insert_all(&submissions).await };
            in_time(BATCH_TIMEOUT, insert).boxed()
        });
        Self {
            store: store.clone(),
            singles: Arc::new(singles),
        }
    }

    /// Records what one request submits, all or none.
    pub(crate) async fn insert(
        &self,
        submissions: &Arc<Vec<Submission>>,
        timeout: Duration,
    ) -> Result<Vec<Inserted>, Error> {
        let submissions = submissions.clone();
        if let [single] = &submissions[..] {
            let (singles, single) = (self.singles.clone(), single.clone());
            let insert = async move { Ok(vec![singles.submit(single).await?]) };
            return in_time(timeout, insert).await;
        }
        let jobs = self.store.jobs.clone();
        in_time(timeout, async move { jobs.insert(&submissions).await }).await
    }
}
