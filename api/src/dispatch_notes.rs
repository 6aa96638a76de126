//! Notes of jobs that messages stand for, written together now and then.
//!
//! They only keep the dispatcher from publishing spare copies, which it does to nothing that was
//! submitted a moment ago. Most jobs are claimed before their note is written, and need none.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tars_shared::services::Services;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::deadline::in_time;

/// How often notes are written: well before the dispatcher takes a job for forgotten.
const INTERVAL: Duration = Duration::from_millis(250);

/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// Jobs that were published and are not noted yet.
#[derive(Debug, Default)]
pub(crate) struct DispatchNotes(Mutex<Vec<Uuid>>);

impl DispatchNotes {
    /// These jobs are published.
    pub(crate) fn add(&self, published: impl IntoIterator<Item = Uuid>) {
        self.notes().extend(published);
    }

    /// Writes notes until `shutdown`, and then those that are left.
    pub(crate) async fn write(&self, services: &Services, shutdown: CancellationToken) {
        let mut tick = tokio::time::interval(INTERVAL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let ends = tokio::select! {
                _ = tick.tick() => false,
                () = shutdown.cancelled() => true,
            };
            let published = std::mem::take(&mut *self.notes());
            if !published.is_empty() {
                let dispatches = services.store.dispatches.clone();
                let written = async move { dispatches.mark_dispatched(&published).await };
                if let Err(error) = in_time(CALL_TIMEOUT, written).await {
                    tracing::warn!(%error, "some jobs will be dispatched again, harmlessly");
                }
            }
            if ends {
                return;
            }
        }
    }

    fn notes(&self) -> MutexGuard<'_, Vec<Uuid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
