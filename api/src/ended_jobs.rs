//! The documents of jobs that have ended, as polls answer them: kept in this process, and in the
//! cache that all processes share.
//!
//! A job that has ended never changes, so any copy of its document is true, and no process has to
//! hear of anything. What bounds a copy's life is memory, and that retention may remove a job.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use moka::future::Cache;
use tars_shared::artifact::Digest;
use tars_shared::cache::Cache as SharedCache;
use tars_shared::metrics::Metrics;
use uuid::Uuid;
use warp::http::HeaderValue;

use crate::problem::Problem;

/// How long a copy is kept, here and in the shared cache.
const TTL: Duration = Duration::from_mins(10);
/// What a copy takes here beside its bytes, roughly.
const OVERHEAD_BYTES: usize = 256;
/// Characters of a tag: 128 bits of a hash.
const TAG_LENGTH: usize = 32;

/// The bytes of an answer, and the tag that stands for exactly them.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) bytes: Bytes,
    pub(crate) tag: HeaderValue,
}

/// A document that was made.
#[derive(Debug, Clone)]
pub(crate) enum Made {
    /// All of an ended job.
    Whole(Document),
    /// It may lack something that the store has: it is answered, and not kept.
    Partial(Document),
}

/// Why a document is not kept.
#[derive(Debug, Clone)]
enum NotKept {
    Partial(Document),
    Failed(Problem),
}

/// The documents that are remembered.
pub(crate) struct EndedJobs {
    here: Cache<Uuid, Document>,
    shared: Arc<dyn SharedCache>,
    metrics: Arc<Metrics>,
}

impl std::fmt::Debug for EndedJobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EndedJobs").finish_non_exhaustive()
    }
}

impl Document {
    pub(crate) fn new(bytes: Bytes) -> Self {
        let mut tag = Digest::of(&bytes).to_string();
        tag.truncate(TAG_LENGTH);
        let tag = HeaderValue::try_from(format!("\"{tag}\"")).expect("hexadecimal digits");
        Self { bytes, tag }
    }

    fn weight(&self) -> u32 {
        u32::try_from(self.bytes.len() + OVERHEAD_BYTES).unwrap_or(u32::MAX)
    }
}

impl EndedJobs {
    /// Keeps so many bytes here, the least used documents dropped first; 0: none.
    pub(crate) fn new(bytes: u64, shared: Arc<dyn SharedCache>, metrics: Arc<Metrics>) -> Self {
        let here = Cache::builder()
            .max_capacity(bytes)
            .weigher(|_, document: &Document| document.weight())
            .time_to_live(TTL);
        Self {
            here: here.build(),
            shared,
            metrics,
        }
    }

    /// The document, if one is remembered.
    pub(crate) async fn find(&self, id: Uuid) -> Option<Document> {
        if let Some(document) = self.here.get(&id).await {
            self.count("local_hit");
            return Some(document);
        }
        let Some(bytes) = self.shared.find(&key(id)).await else {
            self.count("miss");
            return None;
        };
        self.count("shared_hit");
        let document = Document::new(bytes);
        self.here.insert(id, document.clone()).await;
        Some(document)
    }

    /// The document of a job that has ended, as `make` makes it, and remembers it. Of many who ask
    /// at once, as after a long poll of many, one makes it.
    pub(crate) async fn find_or_make(
        &self,
        id: Uuid,
        make: impl Future<Output = Result<Made, Problem>>,
    ) -> Result<Document, Problem> {
        let making = async {
            match make.await {
                Ok(Made::Whole(document)) => {
                    self.shared.put(&key(id), document.bytes.clone(), TTL).await;
                    Ok(document)
                }
                Ok(Made::Partial(document)) => Err(NotKept::Partial(document)),
                Err(problem) => Err(NotKept::Failed(problem)),
            }
        };
        match self.here.try_get_with(id, making).await {
            Ok(document) => Ok(document),
            Err(why) => match Arc::unwrap_or_clone(why) {
                NotKept::Partial(document) => Ok(document),
                NotKept::Failed(problem) => Err(problem),
            },
        }
    }

    fn count(&self, result: &str) {
        let requests = &self.metrics.cache_requests;
        requests.with_label_values(&[result]).inc();
    }
}

fn key(id: Uuid) -> String {
    format!("job:{id}")
}

#[cfg(test)]
mod tests;
