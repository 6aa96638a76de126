//! Which host takes writes, and which answers reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use tokio::task::AbortHandle;

use super::clock::DatabaseClock;
use super::host::{HostState, Node};
use super::settings::Settings;
use crate::metrics::Metrics;
use crate::store::{Error, Host};

/// The hosts of one database.
#[derive(Debug)]
pub(super) struct Cluster {
    nodes: Vec<Arc<Node>>,
    /// The highest timeline ever seen: a primary below it was replaced, even while its successor
    /// does not answer.
    newest: AtomicU32,
    watchers: Vec<AbortHandle>,
}

impl Cluster {
    /// Begins to watch the hosts.
    pub(super) fn watch(
        settings: &Settings,
        clock: Option<&Arc<DatabaseClock>>,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, String> {
        let nodes = settings
            .urls
            .iter()
            .map(|url| Node::new(url, settings.connections).map(Arc::new));
        let nodes = nodes.collect::<Result<Vec<_>, _>>()?;
        let watch = |node: &Arc<Node>| {
            tokio::spawn(node.clone().watch(clock.cloned(), metrics.clone())).abort_handle()
        };
        let watchers = nodes.iter().map(watch).collect();
        Ok(Self {
            nodes,
            newest: AtomicU32::new(0),
            watchers,
        })
    }

    /// The host that takes writes. Of two that claim to, the one that was promoted later.
    fn primary(&self) -> Option<&Node> {
        let primaries = self.nodes.iter().filter_map(|node| match node.state() {
            HostState::Primary { timeline } => Some((timeline, node)),
            _ => None,
        });
        let (timeline, latest) = primaries.max_by_key(|(timeline, _)| *timeline)?;
        let newest = self.newest.fetch_max(timeline, Ordering::Relaxed);
        (timeline >= newest).then_some(&**latest)
    }

    fn replica(&self) -> Option<&Node> {
        self.nodes
            .iter()
            .find(|node| node.state() == HostState::Replica)
            .map(AsRef::as_ref)
    }

    pub(super) fn has_primary(&self) -> bool {
        self.primary().is_some()
    }

    pub(super) fn reads_from_replica(&self) -> bool {
        self.primary().is_none() && self.replica().is_some()
    }

    /// A connection to the host that takes writes. Fails at once where none is known to.
    pub(super) async fn writer(&self) -> Result<PoolConnection<Postgres>, Error> {
        self.acquire(self.primary()).await
    }

    /// A connection to the primary, so that everyone reads what they wrote; to a replica while the
    /// primary is away.
    pub(super) async fn reader(&self) -> Result<PoolConnection<Postgres>, Error> {
        self.acquire(self.primary().or_else(|| self.replica()))
            .await
    }

    async fn acquire(&self, node: Option<&Node>) -> Result<PoolConnection<Postgres>, Error> {
        let Some(node) = node else {
            self.reprobe();
            return Err(Error::Unavailable(self.why()));
        };
        node.pool().acquire().await.map_err(|error| {
            node.reprobe();
            Error::from(error)
        })
    }

    /// Something went wrong: every host is asked at once what it is.
    pub(super) fn reprobe(&self) {
        self.nodes.iter().for_each(|node| node.reprobe());
    }

    /// Waits until a host takes writes, or until one refuses us for good.
    pub(super) async fn ready(&self, timeout: Duration) -> Result<(), Error> {
        let changed = async {
            let mut changes: Vec<_> = self.nodes.iter().map(|node| node.changes()).collect();
            while self.primary().is_none() && self.refusal().is_none() {
                let next = changes
                    .iter_mut()
                    .map(|changes| Box::pin(changes.changed()));
                // The sender lives in the node, which lives at least as long as this call.
                let _ = futures_util::future::select_all(next).await;
            }
        };
        let _ = tokio::time::timeout(timeout, changed).await;
        if self.has_primary() {
            Ok(())
        } else {
            Err(Error::Unavailable(self.why()))
        }
    }

    pub(super) fn refusal(&self) -> Option<String> {
        self.nodes.iter().find_map(|node| match node.state() {
            HostState::Refuses(reason) => Some(format!("{}: {reason}", node.name)),
            _ => None,
        })
    }

    pub(super) fn inspect(&self) -> Vec<Host> {
        let primary = self.primary().map(|node| &node.name);
        let mut hosts: Vec<_> = self.nodes.iter().map(|node| node.inspect()).collect();
        hosts.sort_by_key(|host| Some(&host.name) != primary);
        hosts
    }

    /// Why there is no primary.
    fn why(&self) -> String {
        let said = |node: &Arc<Node>| match node.state() {
            HostState::Unknown => format!("{} has not answered yet", node.name),
            HostState::Primary { .. } => format!("{} is a primary", node.name),
            HostState::Replica => format!("{} is a replica", node.name),
            HostState::Away(reason) | HostState::Refuses(reason) => {
                format!("{}: {reason}", node.name)
            }
        };
        self.nodes.iter().map(said).collect::<Vec<_>>().join("; ")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.watchers.iter().for_each(AbortHandle::abort);
    }
}
