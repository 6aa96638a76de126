//! The interquartile mean and its bootstrap interval.

use super::{Interval, size};
use crate::seeding::Generator;

/// How many resamples the interval is made of.
pub const RESAMPLES: usize = 2_000;

/// The mean of the middle half: 25 % of the values, rounded down, are cut at either end.
///
/// `scipy.stats.trim_mean(values, 0.25)`, which is what rliable calls the IQM (Agarwal et al.,
/// "Deep Reinforcement Learning at the Edge of the Statistical Precipice", 2021). `None` without
/// values.
pub fn interquartile_mean(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let cut = sorted.len() / 4;
    let middle = &sorted[cut..sorted.len() - cut];
    (!middle.is_empty()).then(|| middle.iter().sum::<f64>() / middle.len() as f64)
}

/// The 95 % percentile bootstrap interval of the interquartile mean; `None` below two values.
///
/// The resamples are those of `scipy.stats.bootstrap(method="percentile", n_resamples=2000,
/// rng=np.random.default_rng(0))`. They are never sorted: each is a count per rank of the sample,
/// and one walk over the counts finds its middle half.
pub fn interquartile_mean_interval(values: &[f64]) -> Option<Interval> {
    let n = size(values.len());
    if n < 2 {
        return None;
    }
    let (sorted, ranks) = ranked(values);
    let cut = n / 4;
    let kept = n - 2 * cut;
    let mut generator = Generator::new(0);
    let mut counts = vec![0_u32; values.len()];
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            counts.fill(0);
            for _ in 0..n {
                counts[ranks[generator.integers_below(n) as usize]] += 1;
            }
            middle_sum(&sorted, &counts, cut, kept) / f64::from(kept)
        })
        .collect();
    means.sort_by(f64::total_cmp);
    Some(Interval {
        low: quantile(&means, 0.025),
        high: quantile(&means, 0.975),
    })
}

/// The sorted values, and the index of each original value among them.
fn ranked(values: &[f64]) -> (Vec<f64>, Vec<usize>) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&left, &right| values[left].total_cmp(&values[right]));
    let mut ranks = vec![0; values.len()];
    for (rank, &index) in order.iter().enumerate() {
        ranks[index] = rank;
    }
    (order.iter().map(|&index| values[index]).collect(), ranks)
}

/// The sum of `kept` values after the smallest `cut` of a resample that holds `sorted[i]`
/// `counts[i]` times.
fn middle_sum(sorted: &[f64], counts: &[u32], mut cut: u32, mut kept: u32) -> f64 {
    let mut sum = 0.0;
    for (&value, &count) in sorted.iter().zip(counts) {
        let skipped = count.min(cut);
        cut -= skipped;
        let taken = (count - skipped).min(kept);
        kept -= taken;
        sum += value * f64::from(taken);
    }
    sum
}

/// NumPy's default quantile of sorted values: linear between the two nearest.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index among the values"
)]
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let below = sorted[position as usize];
    let above = sorted[(position as usize + 1).min(sorted.len() - 1)];
    below + (above - below) * position.fract()
}
