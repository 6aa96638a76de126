//! What waiting jobs wait for, as far as it is the same for many: looked up for all who ask within a
//! second at once.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tars_shared::pause::Pause;
use tars_shared::request::Priority;
use tars_shared::services::Services;
use tars_shared::store::{Demand, Error};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::deadline::{CALL_TIMEOUT, in_time};

/// How old an answer may be.
const MAX_AGE: Duration = Duration::from_secs(1);

/// A part that hangs keeps nobody waiting for longer.
const READ_TIMEOUT: Duration = Duration::from_millis(800);

/// Jobs that are looked at, to count those that wait for too long.
const COUNTED: u32 = 10_000;

/// What is known of the work that waits.
#[derive(Debug, Default)]
pub(crate) struct Outlook {
    /// What is paused, as of the last look.
    pauses: RwLock<Arc<[Pause]>>,
    prospects: tokio::sync::Mutex<Option<(Instant, Arc<Prospects>)>>,
    overdue: tokio::sync::Mutex<Option<(Instant, Overdue)>>,
}

/// When a job may begin.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prospects {
    /// What there is to do, and who does it; nothing where the store gave no answer.
    pub(crate) demand: Option<Demand>,
    /// Since when the queue has given no answer, as far as this process has asked.
    pub(crate) queue_away_since: Option<DateTime<Utc>>,
}

/// How many jobs of each [`Priority`] have waited for longer than it allows. Nothing where the store
/// gave no answer.
pub(crate) type Overdue = Option<[u64; 3]>;

impl Outlook {
    /// Looks at what is paused, once a second until `shutdown`.
    pub(crate) async fn watch_pauses(&self, services: &Services, shutdown: CancellationToken) {
        let mut tick = tokio::time::interval(MAX_AGE);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = shutdown.cancelled() => return,
            }
            if let Err(error) = self.look_at_pauses(services).await {
                tracing::debug!(%error, "what is paused is not known");
            }
        }
    }

    /// Looks now.
    pub(crate) async fn look_at_pauses(&self, services: &Services) -> Result<(), Error> {
        let port = services.store.pauses.clone();
        let paused = in_time(CALL_TIMEOUT, async move { port.paused().await }).await?;
        let mut known = self.pauses.write().unwrap_or_else(PoisonError::into_inner);
        *known = paused.in_force.into();
        Ok(())
    }

    /// What is paused.
    pub(crate) fn pauses(&self) -> Arc<[Pause]> {
        let known = self.pauses.read().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    /// When jobs may begin.
    pub(crate) async fn prospects(&self, services: &Services) -> Arc<Prospects> {
        let mut known = self.prospects.lock().await;
        if let Some((at, prospects)) = &*known
            && at.elapsed() < MAX_AGE
        {
            return prospects.clone();
        }
        let (demand, depths) = tokio::join!(
            timeout(READ_TIMEOUT, services.store.workers.demand()),
            timeout(READ_TIMEOUT, services.queue.depths()),
        );
        let queue_is_away = !matches!(depths, Ok(Ok(_)));
        let before = known.take().and_then(|(_, was)| was.queue_away_since);
        let prospects = Arc::new(Prospects {
            demand: demand.ok().and_then(Result::ok),
            queue_away_since: queue_is_away.then(|| before.unwrap_or_else(|| services.clock.now())),
        });
        *known = Some((Instant::now(), prospects.clone()));
        prospects
    }

    /// How many jobs have waited for longer than their priority allows.
    pub(crate) async fn overdue(&self, services: &Services, allowed: [Duration; 3]) -> Overdue {
        let mut known = self.overdue.lock().await;
        if let Some((at, overdue)) = &*known
            && at.elapsed() < MAX_AGE
        {
            return *overdue;
        }
        let counting = async {
            let (waits, now) = (&services.store.waits, services.clock.now());
            let mut overdue = [0; 3];
            for priority in Priority::ALL {
                let since = now - allowed[priority as usize];
                overdue[priority as usize] = waits.stale(priority, since, COUNTED).await?;
            }
            Ok::<_, Error>(overdue)
        };
        let overdue = timeout(READ_TIMEOUT, counting).await;
        let overdue = overdue.ok().and_then(Result::ok);
        *known = Some((Instant::now(), overdue));
        overdue
    }
}
