//! As many requests as answers come back: what a service can do at most.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::driver::Sender;
use crate::latency::histogram;
use crate::sample::Outcome;

/// When it is over.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    Elapsed(Duration),
    Sent(u64),
}

/// What came of it.
#[derive(Debug, Serialize)]
pub(crate) struct Rate {
    pub(crate) answered: u64,
    /// By what came instead.
    pub(crate) errors: BTreeMap<String, u64>,
    pub(crate) seconds: f64,
    pub(crate) per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

/// What one sender saw.
#[derive(Debug)]
struct Seen {
    outcomes: BTreeMap<String, u64>,
    latencies: Histogram<u64>,
}

impl Seen {
    fn nothing() -> Self {
        Self {
            outcomes: BTreeMap::new(),
            latencies: histogram(),
        }
    }

    fn add(&mut self, other: &Self) {
        for (outcome, count) in &other.outcomes {
            *self.outcomes.entry(outcome.clone()).or_default() += count;
        }
        // Both have the same bounds.
        let _ = self.latencies.add(&other.latencies);
    }
}

/// Sends from all senders, each as soon as its former answer is there.
pub(crate) async fn saturate<S: Sender>(senders: Vec<S>, until: Until) -> Rate {
    let start = Instant::now();
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for sender in senders {
        tasks.spawn(go_on(sender, next.clone(), start, until));
    }
    let mut all = Seen::nothing();
    while let Some(seen) = tasks.join_next().await {
        match seen {
            Ok(seen) => all.add(&seen),
            Err(error) => *all.outcomes.entry(error.to_string()).or_default() += 1,
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let answered = all
        .outcomes
        .remove(&format!("{:?}", Outcome::Answered))
        .unwrap_or_default();
    let at = |quantile| all.latencies.value_at_quantile(quantile) as f64 / 1000.0;
    Rate {
        answered,
        seconds,
        per_second: answered as f64 / seconds,
        p50_ms: at(0.5),
        p99_ms: at(0.99),
        errors: all.outcomes,
    }
}

async fn go_on<S: Sender>(
    mut sender: S,
    next: Arc<AtomicU64>,
    start: Instant,
    until: Until,
) -> Seen {
    let mut seen = Seen::nothing();
    // Kept apart, because it is nearly all.
    let mut answered = 0;
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let is_over = match until {
            Until::Elapsed(limit) => start.elapsed() >= limit,
            Until::Sent(count) => number >= count,
        };
        if is_over {
            seen.outcomes
                .insert(format!("{:?}", Outcome::Answered), answered);
            return seen;
        }
        let sent = Instant::now();
        let (outcome, _) = sender.send(number).await;
        seen.latencies
            .saturating_record(sent.elapsed().as_micros().try_into().unwrap_or(u64::MAX));
        match outcome {
            Outcome::Answered => answered += 1,
            other => *seen.outcomes.entry(format!("{other:?}")).or_default() += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Until, saturate};
    use crate::driver::Sender;
    use crate::sample::Outcome;
    use std::time::Duration;
    use tokio::time::sleep;

    struct Slow;

    impl Sender for Slow {
        async fn send(&mut self, number: u64) -> (Outcome, Option<bool>) {
            sleep(Duration::from_millis(10)).await;
            (
                if number == 0 {
                    Outcome::Refused(500)
                } else {
                    Outcome::Answered
                },
                None,
            )
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_connection_asks_as_often_as_it_is_answered() {
        let rate = saturate(vec![Slow, Slow], Until::Elapsed(Duration::from_secs(1))).await;
        assert_eq!(rate.answered, 199, "{rate:?}");
        assert_eq!(rate.errors, [("Refused(500)".to_owned(), 1)].into());
        assert!((rate.p99_ms - 10.0).abs() < 1.1, "{rate:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_count_is_sent_exactly() {
        let rate = saturate(vec![Slow, Slow, Slow], Until::Sent(10)).await;
        assert_eq!(rate.answered + rate.errors.values().sum::<u64>(), 10);
    }
}
