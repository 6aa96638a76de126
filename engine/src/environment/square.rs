//! Squares as NumPy computes `x ** 2` on a scalar.
//!
//! NumPy hands a scalar power to the C library's `pow`, whose result is now and then (about one
//! time in a thousand) not the correctly rounded `x * x`. The compiler knows that `pow(x, 2)` is a
//! square and would fold it into `x * x`, so the exponent is hidden from it.

use std::hint::black_box;

/// glibc and musl promise 0.54 units in the last place, so only within 0.04 of a tie can `pow`
/// round the other way. We trust the product up to 0.05 before the tie.
const SURE: f64 = 0.45;

/// Below this, the product's rounding error might itself be rounded.
const SMALLEST_EXACT: f64 = 1e-290;

/// `x ** 2` of a `np.float64`.
///
/// In nine cases of ten the product's rounding error, which a fused multiply-add gives exactly,
/// shows that `pow` must round the same way, at a third of the cost of asking it.
pub(super) fn square(x: f64) -> f64 {
    let product = x * x;
    let rounding_error = x.mul_add(x, -product);
    let power_of_two = f64::from_bits(product.to_bits() & f64::INFINITY.to_bits());
    let last_place = power_of_two * f64::EPSILON;
    // Just below a power of two the last place is half as large, so a power of two itself is left
    // to `pow`.
    if rounding_error.abs() < SURE * last_place
        && product > power_of_two
        && product > SMALLEST_EXACT
    {
        product
    } else {
        x.powf(black_box(2.0))
    }
}

/// `x ** 2` of a `np.float32`.
pub(super) fn square_f32(x: f32) -> f32 {
    x.powf(black_box(2.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeding::Generator;

    fn check(x: f64) {
        let (ours, power) = (square(x), x.powf(black_box(2.0)));
        assert_eq!(
            ours.to_bits(),
            power.to_bits(),
            "{x:?}: {ours:?} is not {power:?}"
        );
    }

    #[test]
    fn squares_are_the_c_librarys_powers() {
        let mut generator = Generator::new(0);
        for _ in 0..300_000 {
            check(generator.uniform(-30.0, 30.0));
            check(generator.uniform(-1e-3, 1e-3));
        }
    }

    #[test]
    fn squares_of_extreme_numbers_are_the_c_librarys_powers() {
        let mut generator = Generator::new(1);
        for _ in 0..100_000 {
            check(generator.uniform(1.0, 2.0) * 1e-154);
            check(generator.uniform(1.0, 2.0) * 1e-145);
            check(generator.uniform(1.0, 2.0) * 1e153);
            check(2_f64.sqrt() + generator.uniform(-1e-12, 1e-12));
        }
        for x in [
            0.0,
            -0.0,
            1.0,
            -2.0,
            f64::MIN_POSITIVE,
            f64::MAX,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ] {
            check(x);
        }
        assert!(square(f64::NAN).is_nan());
    }
}
