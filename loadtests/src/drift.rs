//! Whether something changes slowly while nothing in the load does: the last quarter against the
//! first.

use std::time::Duration;

use crate::latency::quantile_ms;
use crate::processes::{Held, Watched};
use crate::sample::Sample;
use crate::threshold::{Figures, Metric};

/// What some processes held, look by look.
#[derive(Debug, Default)]
pub(crate) struct Drift {
    looks: Vec<Vec<Option<Held>>>,
}

impl Drift {
    pub(crate) fn look(&mut self, processes: &[Watched]) {
        self.looks
            .push(processes.iter().map(Watched::look).collect());
    }

    /// Sets what the load has drifted by.
    pub(crate) fn measure(&self, samples: &[Sample], length: Duration, figures: &mut Figures) {
        let p95 = |from: f64, to: f64| {
            let range = length.mul_f64(from)..length.mul_f64(to);
            let part: Vec<Sample> = samples
                .iter()
                .filter(|sample| range.contains(&sample.due))
                .copied()
                .collect();
            quantile_ms(&part, 0.95)
        };
        figures.set(Metric::LatencyDrift, p95(0.75, 1.0) / p95(0.0, 0.25));
        let growth = |of: fn(&Held) -> f64| {
            let processes = 0..self.looks.first().map_or(0, Vec::len);
            processes
                .filter_map(|process| self.growth(process, of))
                .reduce(f64::max)
        };
        if let Some(memory) = growth(|held| held.memory_mib) {
            figures.set(Metric::MemoryGrowthMib, memory);
        }
        if let Some(descriptors) = growth(|held| held.descriptors as f64) {
            figures.set(Metric::DescriptorGrowth, descriptors);
        }
    }

    /// How much larger the mean of the last quarter of the looks is than that of the first.
    fn growth(&self, process: usize, of: fn(&Held) -> f64) -> Option<f64> {
        let figures: Vec<f64> = self
            .looks
            .iter()
            .filter_map(|look| look.get(process)?.as_ref().map(of))
            .collect();
        let quarter = figures.len() / 4;
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
        (quarter > 0).then(|| mean(&figures[figures.len() - quarter..]) - mean(&figures[..quarter]))
    }
}

#[cfg(test)]
mod tests {
    use super::Drift;
    use crate::processes::Held;
    use crate::sample::{Outcome, Sample};
    use crate::threshold::{Figures, Metric};
    use std::time::Duration;

    #[test]
    fn the_last_quarter_is_held_against_the_first() {
        let looks = (0..8).map(|look| {
            vec![Some(Held {
                descriptors: 10,
                memory_mib: 50.0 + f64::from(look),
            })]
        });
        let drift = Drift {
            looks: looks.collect(),
        };
        let sample = |due: u64| {
            let due = Duration::from_millis(due);
            let latency = if due < Duration::from_millis(75) {
                4
            } else {
                8
            };
            Sample {
                due,
                sent: due,
                answered: due + Duration::from_millis(latency),
                outcome: Outcome::Answered,
                cache_hit: None,
            }
        };
        let samples: Vec<Sample> = (0..100).map(sample).collect();
        let mut figures = Figures::default();
        drift.measure(&samples, Duration::from_millis(100), &mut figures);
        let of = |metric| figures.of(metric).unwrap();
        assert!((of(Metric::LatencyDrift) - 2.0).abs() < 0.01);
        assert!(
            (of(Metric::MemoryGrowthMib) - 6.0).abs() < 1e-9,
            "the means of 56, 57 and of 50, 51"
        );
        assert!(of(Metric::DescriptorGrowth).abs() < 1e-9);
    }
}
