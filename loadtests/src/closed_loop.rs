//! As many requests as answers come back: what a service can do at most.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::driver::Sender;
use crate::figures::histogram;
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
    pub(crate) errors: u64,
    pub(crate) seconds: f64,
    pub(crate) per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

/// Sends from all senders, each as soon as its former answer is there.
pub(crate) async fn saturate<S: Sender>(senders: Vec<S>, until: Until) -> Rate {
    let start = Instant::now();
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for sender in senders {
        tasks.spawn(go_on(sender, next.clone(), start, until));
    }
    let (mut answered, mut errors, mut all) = (0, 0, histogram());
    while let Some(done) = tasks.join_next().await {
        // A sender that panicked has said so, and adds nothing.
        let Ok((good, bad, latencies)) = done else {
            continue;
        };
        answered += good;
        errors += bad;
        // Both have the same bounds.
        let _ = all.add(&latencies);
    }
    let seconds = start.elapsed().as_secs_f64();
    let at = |quantile| all.value_at_quantile(quantile) as f64 / 1000.0;
    Rate {
        answered,
        errors,
        seconds,
        per_second: answered as f64 / seconds,
        p50_ms: at(0.5),
        p99_ms: at(0.99),
    }
}

async fn go_on<S: Sender>(
    mut sender: S,
    next: Arc<AtomicU64>,
    start: Instant,
    until: Until,
) -> (u64, u64, Histogram<u64>) {
    let (mut answered, mut errors, mut latencies) = (0, 0, histogram());
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let is_over = match until {
            Until::Elapsed(limit) => start.elapsed() >= limit,
            Until::Sent(count) => number >= count,
        };
        if is_over {
            return (answered, errors, latencies);
        }
        let sent = Instant::now();
        let (outcome, _) = sender.send(number).await;
        latencies.saturating_record(sent.elapsed().as_micros().try_into().unwrap_or(u64::MAX));
        *(if outcome == Outcome::Answered {
            &mut answered
        } else {
            &mut errors
        }) += 1;
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
        assert_eq!((rate.answered, rate.errors), (199, 1), "{rate:?}");
        assert!((rate.p99_ms - 10.0).abs() < 1.1, "{rate:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_count_is_sent_exactly() {
        let rate = saturate(vec![Slow, Slow, Slow], Until::Sent(10)).await;
        assert_eq!(rate.answered + rate.errors, 10);
    }
}
