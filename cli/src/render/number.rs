//! Numbers for people: as many digits as they can use.

use tars_engine::statistics::Interval;

/// How many decimals numbers of one kind are written with, so that they stand below each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimals(usize);

impl Decimals {
    /// About four significant digits for numbers of this size.
    pub(crate) fn of_scale(scale: f64) -> Self {
        Self(match scale.abs() {
            scale if scale >= 100.0 => 1,
            scale if scale >= 10.0 => 2,
            scale if scale >= 1.0 => 3,
            _ => 4,
        })
    }

    pub(crate) fn write(self, number: f64) -> String {
        let text = format!("{number:.*}", self.0);
        // A loss that rounds to nothing is no loss.
        let is_zero = text.chars().all(|digit| matches!(digit, '-' | '0' | '.'));
        if is_zero { text.replace('-', "") } else { text }
    }

    /// With its sign, as a difference.
    pub(crate) fn write_signed(self, number: f64) -> String {
        let text = self.write(number);
        let is_positive = text.chars().any(|digit| ('1'..='9').contains(&digit)) && number > 0.0;
        if is_positive {
            format!("+{text}")
        } else {
            text
        }
    }

    pub(crate) fn write_interval(self, interval: Interval) -> String {
        format!(
            "[{}, {}]",
            self.write(interval.low),
            self.write(interval.high)
        )
    }
}

/// A share as a percentage.
pub(crate) fn percent(share: f64) -> String {
    format!("{} %", Decimals(1).write(share * 100.0))
}

/// A difference of two shares.
pub(crate) fn percentage_points(difference: f64) -> String {
    format!("{} points", Decimals(1).write_signed(difference * 100.0))
}

/// A count with a thousands separator.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A large number in three digits, such as `9.81 M`.
pub(crate) fn large(number: f64) -> String {
    let (scaled, unit) = match number {
        number if number >= 1e9 => (number / 1e9, " G"),
        number if number >= 1e6 => (number / 1e6, " M"),
        number if number >= 1e3 => (number / 1e3, " k"),
        number => (number, ""),
    };
    let decimals = match scaled {
        scaled if scaled >= 100.0 || unit.is_empty() => 0,
        scaled if scaled >= 10.0 => 1,
        _ => 2,
    };
    format!("{scaled:.decimals$}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_carry_about_four_digits() {
        assert_eq!(Decimals::of_scale(500.0).write(499.96), "500.0");
        assert_eq!(Decimals::of_scale(-73.5).write(-73.512), "-73.51");
        assert_eq!(Decimals::of_scale(0.5).write(0.123_45), "0.1235");
    }

    #[test]
    fn what_rounds_to_zero_has_no_sign() {
        let decimals = Decimals::of_scale(500.0);
        assert_eq!(decimals.write(-0.04), "0.0");
        assert_eq!(decimals.write_signed(0.04), "0.0");
        assert_eq!(decimals.write_signed(-0.04), "0.0");
        assert_eq!(decimals.write_signed(1.25), "+1.2");
        assert_eq!(decimals.write_signed(-1.25), "-1.2");
    }

    #[test]
    fn counts_are_grouped_by_thousands() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(count(number), text);
        }
    }

    #[test]
    fn large_numbers_have_three_digits() {
        for (number, text) in [
            (7.0, "7"),
            (1234.0, "1.23 k"),
            (33_700.0, "33.7 k"),
            (9.81e6, "9.81 M"),
            (2e9, "2.00 G"),
        ] {
            assert_eq!(large(number), text);
        }
    }
}
