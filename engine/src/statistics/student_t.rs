//! Student's t distribution: tail probabilities and quantiles.

use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::beta::beta_reg;
use statrs::function::gamma::ln_gamma;

/// P(T > t) for `freedom` > 0 degrees of freedom (`scipy.stats.t.sf`).
pub fn upper_tail(t: f64, freedom: f64) -> f64 {
    let square = t * t;
    let outside = if square < 1.0 {
        // The complement, because ν / (ν + t²) cannot tell a small t from none.
        1.0 - beta_reg(0.5, freedom / 2.0, square / (freedom + square))
    } else {
        beta_reg(freedom / 2.0, 0.5, freedom / (freedom + square))
    };
    if t < 0.0 {
        1.0 - outside / 2.0
    } else {
        outside / 2.0
    }
}

/// The t with P(T > t) = `tail`, for `tail` in (0, 0.5] (`scipy.stats.t.isf`).
///
/// Newton's method from the normal quantile. The tail is convex for t > 0 and the normal quantile
/// lies below the root, so the steps climb to the root without passing it. (statrs's own inverse
/// loses digits: it ends on an absolute tolerance.)
pub fn upper_quantile(tail: f64, freedom: f64) -> f64 {
    let mut t = normal_upper_quantile(tail);
    // Heavy tails double t with each step at worst, so 64 steps reach any tail that is not zero.
    for _ in 0..64 {
        let step = (upper_tail(t, freedom) - tail) / density(t, freedom);
        t += step;
        // Errors are squared by each step; waiting for less would be waiting for the tail's
        // rounding to fall silent.
        if step.abs() <= 1e-9 * t.abs() {
            break;
        }
    }
    t
}

/// The z with P(Z > z) = `tail` of the standard normal distribution.
pub fn normal_upper_quantile(tail: f64) -> f64 {
    -Normal::standard().inverse_cdf(tail)
}

fn density(t: f64, freedom: f64) -> f64 {
    let ln_scale = ln_gamma(freedom.midpoint(1.0))
        - ln_gamma(freedom / 2.0)
        - 0.5 * (freedom * std::f64::consts::PI).ln();
    (ln_scale - freedom.midpoint(1.0) * (t * t / freedom).ln_1p()).exp()
}
