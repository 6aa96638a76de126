//! A histogram in one line of text.

/// Eight heights, lowest first.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A range of values, cut into equal bins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bins {
    pub(super) low: f64,
    pub(super) high: f64,
    count: usize,
}

impl Bins {
    /// `count` bins from the least to the greatest of the values; `None` if there is no range to
    /// cut.
    pub(super) fn over(values: impl Iterator<Item = f64>, count: usize) -> Option<Self> {
        let ends = (f64::INFINITY, f64::NEG_INFINITY);
        let (low, high) = values.fold(ends, |(low, high), value| (low.min(value), high.max(value)));
        (low < high).then_some(Self { low, high, count })
    }

    /// One character per bin. The fullest bin is full height, and a bin with anything in it is
    /// never blank.
    pub(super) fn draw(&self, values: impl Iterator<Item = f64>) -> String {
        let mut counts = vec![0_usize; self.count];
        for value in values {
            counts[self.bin(value)] += 1;
        }
        let most = counts.iter().copied().max().unwrap_or(0).max(1);
        let bar = |count: usize| match count {
            0 => ' ',
            count => BARS[(count * BARS.len()).div_ceil(most) - 1],
        };
        counts.into_iter().map(bar).collect()
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates, and a bin past the last is the last"
    )]
    fn bin(&self, value: f64) -> usize {
        let share = (value - self.low) / (self.high - self.low);
        ((share * self.count as f64) as usize).min(self.count - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(values: &[f64], count: usize) -> Option<String> {
        let values = values.iter().copied();
        Bins::over(values.clone(), count).map(|bins| bins.draw(values))
    }

    #[test]
    fn heights_follow_the_counts() {
        assert_eq!(draw(&[0.0, 1.0, 1.0, 3.0], 4).as_deref(), Some("▄█ ▄"));
    }

    #[test]
    fn a_single_episode_among_many_is_still_seen() {
        let mut values = vec![500.0; 999];
        values.push(9.0);
        assert_eq!(draw(&values, 5).as_deref(), Some("▁   █"));
    }

    #[test]
    fn the_greatest_value_is_in_the_last_bin() {
        assert_eq!(draw(&[-200.0, -100.0], 3).as_deref(), Some("█ █"));
    }

    #[test]
    fn equal_values_have_no_range() {
        assert_eq!(draw(&[500.0, 500.0], 3), None);
        assert_eq!(draw(&[], 3), None);
    }
}
