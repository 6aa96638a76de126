//! The load itself, in an open loop: requests are due when the profile says so, not when the
//! service has answered the ones before.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::sample::{Outcome, Sample};

/// What sends one request after the other over a connection of its own.
pub(crate) trait Sender: Send + 'static {
    /// Sends the request of this number.
    fn send(&mut self, number: u64) -> impl Future<Output = (Outcome, Option<bool>)> + Send;
}

/// Requests that are due and not taken up by a connection yet.
#[derive(Debug, Clone)]
pub(crate) struct Due {
    start: Instant,
    times: Arc<[Duration]>,
    waiting: Arc<Semaphore>,
}

impl Due {
    /// One more is due.
    pub(crate) fn release(&self) {
        self.waiting.add_permits(1);
    }
}

/// Sends a request at each of these times, as soon as one of the senders is free, and gives all
/// samples. `pace` lets the time go by.
pub(crate) async fn drive<S: Sender, P: Future<Output = ()>>(
    times: Vec<Duration>,
    senders: Vec<S>,
    pace: impl FnOnce(Due) -> P,
) -> Vec<Sample> {
    let due = Due {
        start: Instant::now(),
        times: times.into(),
        waiting: Arc::new(Semaphore::new(0)),
    };
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for sender in senders {
        tasks.spawn(take_turns(sender, due.clone(), next.clone()));
    }
    let count = due.times.len();
    let waiting = due.waiting.clone();
    pace(due).await;
    // Whoever finds no number any more ends; these permits let them look.
    waiting.add_permits(tasks.len());
    let mut samples = Vec::with_capacity(count);
    while let Some(done) = tasks.join_next().await {
        // A sender that panicked has said so; its samples are missing, which the count shows.
        samples.extend(done.unwrap_or_default());
    }
    samples
}

async fn take_turns<S: Sender>(mut sender: S, due: Due, next: Arc<AtomicU64>) -> Vec<Sample> {
    let mut samples = Vec::new();
    // The semaphore is never closed.
    while let Ok(permit) = due.waiting.acquire().await {
        permit.forget();
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some(time) = usize::try_from(number)
            .ok()
            .and_then(|number| due.times.get(number))
        else {
            break;
        };
        let sent = due.start.elapsed();
        let (outcome, cache_hit) = sender.send(number).await;
        let answered = due.start.elapsed();
        samples.push(Sample {
            due: *time,
            sent,
            answered,
            outcome,
            cache_hit,
        });
    }
    samples
}

/// Releases the requests at their times, by a thread of its own: the runtime's timers are a
/// millisecond late, which would count as latency.
pub(crate) async fn real_time(due: Due) {
    let pace = tokio::task::spawn_blocking(move || {
        for time in &*due.times {
            thread::sleep(time.saturating_sub(due.start.elapsed()));
            due.release();
        }
    });
    // It cannot panic, and nobody aborts it.
    let _ = pace.await;
}

#[cfg(test)]
mod tests {
    use super::{Due, Sender, drive};
    use crate::arrivals::{Arrivals, Stage};
    use crate::latency::quantile_ms;
    use crate::sample::{Outcome, Sample};
    use std::time::Duration;
    use tokio::time::{Instant, sleep, sleep_until};

    /// Answers after a millisecond, but once, from the second second on, after half a second.
    struct Stalling {
        stall: bool,
        start: Instant,
    }

    impl Sender for Stalling {
        async fn send(&mut self, _number: u64) -> (Outcome, Option<bool>) {
            let stalls = self.stall && self.start.elapsed() >= Duration::from_secs(1);
            sleep(Duration::from_millis(if stalls { 500 } else { 1 })).await;
            self.stall &= !stalls;
            (Outcome::Answered, None)
        }
    }

    async fn by_the_clock_of_the_test(due: Due) {
        for time in &*due.times {
            sleep_until(due.start + *time).await;
            due.release();
        }
    }

    async fn samples(stall: bool) -> Vec<Sample> {
        let times = Arrivals::of(&[Stage::steady("hold", 2.0, 100.0)])
            .due()
            .collect();
        let sender = Stalling {
            stall,
            start: Instant::now(),
        };
        drive(times, vec![sender], by_the_clock_of_the_test).await
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_due_while_the_service_stalled_has_waited_too() {
        let samples = samples(true).await;
        assert_eq!(samples.len(), 200);
        let slow = samples
            .iter()
            .filter(|sample| sample.latency() > Duration::from_millis(10))
            .count();
        assert!(
            (45..=60).contains(&slow),
            "{slow} of the fifty that were due meanwhile"
        );
        let p99 = quantile_ms(&samples, 0.99);
        assert!(
            p99 > 400.0,
            "{p99} ms: one slow answer of 200 alone would not show in it"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_does_not_stall_shows_its_own_latency() {
        let samples = samples(false).await;
        let p99 = quantile_ms(&samples, 0.99);
        assert!(p99 < 3.0, "{p99} ms");
    }
}
