//! Squares as NumPy computes `x ** 2` on a scalar.
//!
//! NumPy hands a scalar power to the C library's `pow`, whose result is within 0.52 units in the last place and so now
//! and then not the correctly rounded `x * x` (about one time in a thousand). The compiler knows that `pow(x, 2)` is a
//! square and would fold it into `x * x`, so the exponent is hidden from it.

use std::hint::black_box;

/// `x ** 2` of a `np.float64`.
pub(super) fn square(x: f64) -> f64 {
    x.powf(black_box(2.0))
}

/// `x ** 2` of a `np.float32`.
pub(super) fn square_f32(x: f32) -> f32 {
    x.powf(black_box(2.0))
}
