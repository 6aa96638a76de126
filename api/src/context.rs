//! What every handler works with: the parts of this process, opened once.

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use tars_shared::dead_letter::Keeping;
use tars_shared::services::Services;
use tars_shared::webhook::Webhooks;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::auth::Authenticator;
use crate::client_address::TrustedProxies;
use crate::ended_jobs::EndedJobs;
use crate::fairness::Fairness;
use crate::inserts::Inserts;
use crate::job_watch::JobWatch;
use crate::keyed_semaphore::KeyedSemaphore;
use crate::known_artifacts::KnownArtifacts;
use crate::lanes::Lanes;
use crate::limits::Limits;
use crate::open_jobs::OpenJobs;
use crate::outlook::Outlook;
use crate::pending_inserts::PendingInserts;

#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) services: Services,
    pub(crate) duty: Duty,
    pub(crate) authenticator: Authenticator,
    pub(crate) limits: Limits,
    pub(crate) proxies: TrustedProxies,
    /// Event streams and long polls of each account.
    pub(crate) followers: Arc<KeyedSemaphore<String>>,
    /// When the gauges of the store and the queue were read last.
    pub(crate) gauges_read: tokio::sync::Mutex<Option<Instant>>,
    pub(crate) inserts: Inserts,
    pub(crate) pending_inserts: PendingInserts,
    pub(crate) ended_jobs: EndedJobs,
    /// What long polls and event streams wait for.
    pub(crate) job_watch: Arc<JobWatch>,
    pub(crate) known_artifacts: KnownArtifacts,
    /// What waiting jobs wait for.
    pub(crate) outlook: Outlook,
    pub(crate) lanes: Lanes,
    pub(crate) open_jobs: OpenJobs,
    /// Within which the workers that are wanted would do all there is to do.
    /// None where that is not told.
    pub(crate) scale_target: Option<Duration>,
    pub(crate) keeping: Keeping,
    /// Where webhooks may go, if any may.
    pub(crate) webhooks: Webhooks,
    /// How long jobs of each priority may wait; none where that is not told.
    pub(crate) allowed_waits: Option<[Duration; 3]>,
    /// Long polls and event streams end with the service.
    pub(crate) shutdown: CancellationToken,
}

/// What its options say to handlers.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) limits: Limits,
    pub(crate) fairness: Fairness,
    pub(crate) proxies: Vec<IpNet>,
    /// None where that is not told.
    pub(crate) scale_target: Option<Duration>,
    /// None where that is not told.
    pub(crate) allowed_waits: Option<[Duration; 3]>,
    pub(crate) job_cache_bytes: u64,
    pub(crate) keeping: Keeping,
    pub(crate) webhooks: Webhooks,
}

impl Context {
    pub(crate) fn open(
        duty: Duty,
        services: Services,
        secret: &str,
        settings: Settings,
    ) -> Arc<Self> {
        let (cache, metrics) = (services.cache.clone(), services.metrics.clone());
        Arc::new(Self {
            authenticator: Authenticator::new(services.clone(), secret, settings.limits.lookups),
            inserts: Inserts::new(&services.store),
            lanes: Lanes::new(settings.fairness.lanes, &services.queue),
            open_jobs: OpenJobs::new(settings.fairness.max_open_jobs, &services.store),
            services,
            duty,
            limits: settings.limits,
            proxies: TrustedProxies::new(settings.proxies),
            followers: Arc::default(),
            gauges_read: tokio::sync::Mutex::default(),
            pending_inserts: PendingInserts::default(),
            ended_jobs: EndedJobs::new(settings.job_cache_bytes, cache, metrics),
            job_watch: Arc::default(),
            known_artifacts: KnownArtifacts::default(),
            outlook: Outlook::default(),
            scale_target: settings.scale_target,
            keeping: settings.keeping,
            webhooks: settings.webhooks,
            allowed_waits: settings.allowed_waits,
            shutdown: CancellationToken::new(),
        })
    }
}

/// What a process is there for, and so what it needs to be ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duty {
    /// Accepting jobs: one durable home is enough.
    Accept,
    /// Working on them: it needs the queue and the store.
    Work,
}
