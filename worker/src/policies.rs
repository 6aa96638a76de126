//! Policies that jobs name again and again, read once.

use std::sync::Arc;

use moka::future::Cache;
use tars_shared::artifact::Digest;
use tars_shared::loaded_agent::{self, Agent, AgentError, identity};
use tars_shared::metrics::Metrics;
use tars_shared::request::Request;
use tars_shared::services::Services;
use tars_shared::store::Error;

/// The agents that this worker has read, the least used ones dropped when they take too many bytes.
/// Jobs that ask for the same one at once wait for one reading of it. What cannot be read is not
/// remembered: an artifact that is missing may be there a moment later.
#[derive(Debug)]
pub(crate) struct Policies {
    agents: Cache<Digest, Arc<Agent>>,
}

/// Why there is no agent.
#[derive(Debug, Clone)]
enum NoAgent {
    Store(Error),
    Agent(AgentError),
}

impl Policies {
    /// Keeps so many bytes; 0: none.
    pub(crate) fn new(bytes: u64) -> Self {
        let weigh = |_: &Digest, agent: &Arc<Agent>| {
            let bytes = agent.bytes() + size_of::<Agent>();
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        Self {
            agents: Cache::builder().max_capacity(bytes).weigher(weigh).build(),
        }
    }

    /// The agent of a request. The outer error is the store's, the inner one the client's.
    pub(crate) async fn load(
        &self,
        services: &Services,
        request: &Request,
    ) -> Result<Result<Arc<Agent>, AgentError>, Error> {
        if self.agents.policy().max_capacity() == Some(0) {
            return Ok(loaded_agent::load(&*services.store.artifacts, request)
                .await?
                .map(Arc::new));
        }
        let reading = async {
            match loaded_agent::load(&*services.store.artifacts, request).await {
                Ok(Ok(agent)) => Ok(Arc::new(agent)),
                Ok(Err(error)) => Err(NoAgent::Agent(error)),
                Err(error) => Err(NoAgent::Store(error)),
            }
        };
        let entry = self.agents.entry(identity(request)?);
        let loaded = entry.or_try_insert_with(reading).await;
        let read_before = loaded.as_ref().is_ok_and(|entry| !entry.is_fresh());
        self.count(&services.metrics, read_before).await;
        match loaded {
            Ok(entry) => Ok(Ok(entry.into_value())),
            Err(error) => match (*error).clone() {
                NoAgent::Store(error) => Err(error),
                NoAgent::Agent(error) => Ok(Err(error)),
            },
        }
    }

    async fn count(&self, metrics: &Metrics, read_before: bool) {
        if read_before {
            metrics.policy_cache_hits.inc();
            return;
        }
        metrics.policy_cache_misses.inc();
        // Until then what was added has no weight, and what is too much is not dropped.
        self.agents.run_pending_tasks().await;
        let bytes = i64::try_from(self.agents.weighted_size()).unwrap_or(i64::MAX);
        metrics.policy_cache_bytes.set(bytes);
    }
}

#[cfg(test)]
mod tests;
