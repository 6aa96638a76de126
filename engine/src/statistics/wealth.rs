//! The wealth of gamblers who bet against a hypothesis: under it, no strategy is expected to win, so
//! a wealth of 1/α is reached, ever, with probability α at most (Ville). One may look after each
//! value and stop when one likes.
//!
//! J. Ville, "Étude critique de la notion de collectif" (1939). I. Waudby-Smith and A. Ramdas,
//! "Estimating means of bounded random variables by betting", Journal of the Royal Statistical
//! Society B 86 (2024): [`MeanWealth`]. V. Vovk and R. Wang, "Nonparametric e-tests of symmetry",
//! New England Journal of Statistics in Data Science 2 (2024): [`SymmetryWealth`].
//!
//! There are products, quotients and square roots here and no logarithms, so that every machine
//! gets the same bits.

/// More wealth than any level asks for. What is given away leaves a wealth that is still valid, and
/// keeps products finite.
const MOST: f64 = 1e100;

/// Halvings after which the ends of an interval are as good as neighbours.
const HALVINGS: u32 = 60;

/// Bets that values are below zero on average, against the hypothesis that they lie symmetrically
/// about zero: that the signs are tossed with a fair coin, whatever the magnitudes are. This is so
/// for differences of exchangeable pairs, however they are distributed.
///
/// What is staked on the next sign is s/√(1 + s²) with s = θ·|value|/scale, and scale the root mean
/// square of all values up to this one: magnitudes may be known, because they say nothing of the
/// sign. The wealth is shared between three gamblers who believe in effects θ of different size.
#[derive(Debug, Clone, Default)]
pub struct SymmetryWealth {
    n: u32,
    squares: f64,
    wealth: Option<[f64; Self::EFFECTS.len()]>,
}

impl SymmetryWealth {
    /// Standardised effects: a loss in most episodes, and smaller ones.
    const EFFECTS: [f64; 3] = [0.25, 0.5, 1.0];

    /// Bets on one more value.
    pub fn observe(&mut self, value: f64) {
        self.n += 1;
        self.squares += value * value;
        if value == 0.0 {
            // It has no sign to bet on.
            return;
        }
        let scale = (self.squares / f64::from(self.n)).sqrt();
        let wealth = self.wealth.get_or_insert([1.0; Self::EFFECTS.len()]);
        for (wealth, effect) in wealth.iter_mut().zip(Self::EFFECTS) {
            let belief = effect * value / scale;
            let stake = belief / (1.0 + belief * belief).sqrt();
            *wealth = (*wealth * (1.0 - stake)).min(MOST);
        }
    }

    /// What all three have on average, from one unit each.
    pub fn wealth(&self) -> f64 {
        let wealth = self.wealth.unwrap_or([1.0; Self::EFFECTS.len()]);
        wealth.iter().sum::<f64>() / Self::EFFECTS.len() as f64
    }
}

/// Bets that the mean of values is positive, where no value is below −`least`.
///
/// The stake per unit is μ/(σ² + μ²), from the values before this one ("approximate GRAPA"), and at
/// most 1/`least`, so that nothing is lost beyond the wealth. Mean and deviation begin as if one
/// value of `expected`, and one deviation of a quarter of `least`, had been seen.
#[derive(Debug, Clone)]
pub struct MeanWealth {
    least: f64,
    sum: f64,
    squares: f64,
    bets: Vec<Bet>,
    wealth: f64,
}

#[derive(Debug, Clone, Copy)]
struct Bet {
    value: f64,
    stake: f64,
}

impl MeanWealth {
    /// `least` is positive.
    pub fn new(least: f64, expected: f64) -> Self {
        Self {
            least,
            sum: expected,
            squares: least * least / 16.0,
            bets: Vec::new(),
            wealth: 1.0,
        }
    }

    /// Bets on one more value.
    pub fn observe(&mut self, value: f64) {
        let n = self.bets.len() as f64 + 1.0;
        let mean = self.sum / n;
        let stake = (mean / (self.squares / n + mean * mean)).clamp(0.0, 1.0 / self.least);
        self.sum += value;
        self.squares += (value - mean) * (value - mean);
        let bet = Bet { value, stake };
        self.wealth = bet.carry(self.wealth, self.least, 0.0);
        self.bets.push(bet);
    }

    /// What there is now, from one unit.
    pub fn wealth(&self) -> f64 {
        self.wealth
    }

    /// The least shift s for which the same bets, on values that are all larger by s, would have made
    /// `wealth`: that the mean is −s or less is refuted from there on. At most `least`, where nothing
    /// is left to refute.
    pub fn shift_to(&self, wealth: f64) -> f64 {
        let reaches = |shift: f64| {
            let carry = |wealth, bet: &Bet| bet.carry(wealth, self.least, shift);
            self.bets.iter().fold(1.0, carry) >= wealth
        };
        let spread = self
            .bets
            .iter()
            .fold(self.least, |most, bet| most.max(bet.value.abs()));
        // No bet wins when all values are shifted below zero.
        let (mut low, mut high) = (-spread, self.least);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if reaches(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        high
    }
}

impl Bet {
    /// The wealth after this bet on a value that is larger by `shift`. It rises with the shift.
    fn carry(self, wealth: f64, least: f64, shift: f64) -> f64 {
        let stake = self.stake.min(1.0 / (least - shift));
        (wealth * (1.0 + stake * (self.value + shift)).max(0.0)).min(MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_without_a_sign_are_nothing_to_bet_on() {
        let mut wealth = SymmetryWealth::default();
        for _ in 0..50 {
            wealth.observe(0.0);
        }
        assert_eq!(wealth.wealth().to_bits(), 1.0_f64.to_bits());
    }

    /// Over all assignments of signs to fixed magnitudes nobody wins on average, exactly.
    #[test]
    fn fair_signs_leave_the_wealth_where_it_was_on_average() {
        let magnitudes = [3.0, 0.0, 500.0, 1e-3, 40.0, 500.0, 7.0, 2e6];
        let signs = 1_u32 << magnitudes.len();
        let total: f64 = (0..signs)
            .map(|signs| {
                let mut wealth = SymmetryWealth::default();
                for (index, magnitude) in magnitudes.iter().enumerate() {
                    let sign = if signs >> index & 1 == 1 { 1.0 } else { -1.0 };
                    wealth.observe(sign * magnitude);
                }
                wealth.wealth()
            })
            .sum();
        assert!((total / f64::from(signs) - 1.0).abs() < 1e-12, "{total}");
    }

    /// Over all draws from a distribution with mean zero nobody wins on average, exactly.
    #[test]
    fn a_mean_of_zero_leaves_the_wealth_where_it_was_on_average() {
        let draws = [(-4.0, 0.2), (0.0, 0.6), (4.0, 0.2)];
        let mut expected = 0.0;
        for path in 0..3_u32.pow(8) {
            let mut wealth = MeanWealth::new(4.0, 1.0);
            let mut probability = 1.0;
            for step in 0..8 {
                let (value, chance) = draws[(path / 3_u32.pow(step) % 3) as usize];
                wealth.observe(value);
                probability *= chance;
            }
            expected += probability * wealth.wealth();
        }
        assert!((expected - 1.0).abs() < 1e-12, "{expected}");
    }

    #[test]
    fn the_shift_is_where_the_wealth_is_reached_and_rises_from_there() {
        let mut wealth = MeanWealth::new(10.0, 1.0);
        for value in [1.0, -3.0, 4.0, 2.0, 2.0, -1.0, 5.0] {
            wealth.observe(value);
        }
        let reached = wealth.wealth();
        assert!(wealth.shift_to(reached * (1.0 - 1e-9)) <= 0.0);
        assert!(wealth.shift_to(reached * (1.0 + 1e-9)) > 0.0);
        let shifts = [1.0, 2.0, 20.0, 40.0].map(|target| wealth.shift_to(target));
        assert!(shifts.is_sorted(), "{shifts:?}");
        let nothing = wealth.shift_to(f64::INFINITY);
        assert_eq!(
            nothing.to_bits(),
            10.0_f64.to_bits(),
            "nothing is that sure"
        );
    }
}
