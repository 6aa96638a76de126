//! How long requests took, in histograms that are exact at every quantile.

use hdrhistogram::Histogram;

use crate::sample::{Outcome, Sample};

/// A quantile of the latencies, in milliseconds. Refusals by the limiter are left out: they are
/// quick, and would make the rest look so.
pub(crate) fn quantile_ms(samples: &[Sample], quantile: f64) -> f64 {
    let answered = samples
        .iter()
        .filter(|sample| sample.outcome != Outcome::Limited);
    of_durations(answered.map(Sample::latency), quantile)
}

/// A quantile of what passed between the moment at which requests were due and that at which they
/// were sent.
pub(crate) fn lateness_ms(samples: &[Sample], quantile: f64) -> f64 {
    of_durations(
        samples
            .iter()
            .map(|sample| sample.sent.saturating_sub(sample.due)),
        quantile,
    )
}

fn of_durations(durations: impl Iterator<Item = std::time::Duration>, quantile: f64) -> f64 {
    let mut histogram = histogram();
    for duration in durations {
        histogram.saturating_record(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }
    histogram.value_at_quantile(quantile) as f64 / 1000.0
}

/// Microseconds, exact to a thousandth, up to an hour; what lasted longer counts as an hour.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 3_600_000_000, 3)
        .expect("the bounds are in order, three digits are allowed")
}

#[cfg(test)]
mod tests {
    use super::quantile_ms;
    use crate::sample::{Outcome, Sample};
    use std::time::Duration;

    fn samples(outcome: Outcome, milliseconds: u64, count: usize) -> Vec<Sample> {
        let answered = Duration::from_millis(milliseconds);
        let sample = Sample {
            due: Duration::ZERO,
            sent: Duration::ZERO,
            answered,
            outcome,
            cache_hit: None,
        };
        vec![sample; count]
    }

    #[test]
    fn quantiles_are_exact_to_a_thousandth() {
        let mut samples = samples(Outcome::Answered, 7, 98);
        samples.extend(self::samples(Outcome::TimedOut, 10_000, 2));
        for (quantile, wanted) in [(0.5, 7.0), (0.98, 7.0), (0.99, 10_000.0)] {
            let found = quantile_ms(&samples, quantile);
            assert!(
                (found - wanted).abs() <= wanted / 1000.0,
                "{quantile}: {found}"
            );
        }
    }

    #[test]
    fn a_quick_refusal_by_the_limiter_does_not_make_the_rest_look_quick() {
        let mut samples = samples(Outcome::Answered, 7, 10);
        samples.extend(self::samples(Outcome::Limited, 1, 90));
        assert!(quantile_ms(&samples, 0.5) > 6.9);
    }
}
