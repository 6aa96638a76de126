//! Functions that are made of one exponential, and some of a logarithm.
#![expect(
    clippy::inline_always,
    reason = "vector code must be inlined into the function whose target features are enabled"
)]

use std::f32::consts::{LN_2, LOG2_E};

use pulp::Simd;

use super::primitives::{Apply, ROUNDER, horner, negative_magnitude, power_of_two};

/// ln 2 − [`LN_2`].
const LN_2_REST: f32 = -1.904_654_2e-9;
/// exp(r) − 1 = r + r²·q(r) for |r| ≤ ½ ln 2; q from the highest power down.
const EXPONENTIAL: [f32; 5] = [
    0.001_388_252_2,
    0.008_366_514,
    0.041_667_2,
    0.166_665_43,
    0.499_999_97,
];
/// ln(1 + u) = u + u²·q(u) for 0 ≤ u ≤ 1; q from the highest power down.
const LOGARITHM: [f32; 9] = [
    -0.003_318_468_6,
    0.020_204_568,
    -0.057_664_413,
    0.106_805_526,
    -0.153_553_95,
    0.196_954,
    -0.249_585_87,
    0.333_305_12,
    -0.499_999_3,
];
/// Just above 126 ln ½, below which exp(x) is subnormal.
const UNDERFLOW: f32 = -87.3;

/// 2ⁿ and f for which exp(x) = 2ⁿ·(1 + f), where n is the integer nearest to x / ln 2. Good for
/// −87.3 ≤ x ≤ 88; what lies outside gives numbers without meaning, NaN gives NaN for f.
///
/// r = x − n ln 2 is exact but for the last rounding, and x itself where n is 0. So f keeps its
/// relative accuracy near 0.
#[inline(always)]
fn split<S: Simd>(simd: S, x: S::f32s) -> (S::f32s, S::f32s) {
    let splat = |value| simd.splat_f32s(value);
    let rounded = simd.mul_add_f32s(x, splat(LOG2_E), splat(ROUNDER));
    let minus_n = simd.sub_f32s(splat(ROUNDER), rounded);
    let r = simd.mul_add_f32s(minus_n, splat(LN_2), x);
    let r = simd.mul_add_f32s(minus_n, splat(LN_2_REST), r);
    let square = simd.mul_f32s(r, r);
    let fraction = simd.mul_add_f32s(square, horner(simd, r, &EXPONENTIAL), r);
    (power_of_two(simd, rounded), fraction)
}

/// exp(x) for x ≤ 88; 0 where it would be subnormal.
#[inline(always)]
pub(super) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let (power, fraction) = split(simd, x);
    let exp = simd.mul_add_f32s(power, fraction, power);
    let vanishes = simd.less_than_f32s(x, simd.splat_f32s(UNDERFLOW));
    simd.select_f32s(vanishes, simd.splat_f32s(0.0), exp)
}

/// exp(x) − 1 for x ≤ 88.
#[inline(always)]
fn exp_minus_one<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // From here down the result rounds to −1.
    let least = simd.splat_f32s(-20.0);
    let x = simd.select_f32s(simd.less_than_f32s(x, least), least, x);
    let (power, fraction) = split(simd, x);
    simd.mul_add_f32s(power, fraction, simd.sub_f32s(power, simd.splat_f32s(1.0)))
}

/// ln(1 + exp(−|x|)).
#[inline(always)]
fn softplus_of_negative_magnitude<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let u = exp(simd, negative_magnitude(simd, x));
    let square = simd.mul_f32s(u, u);
    simd.mul_add_f32s(square, horner(simd, u, &LOGARITHM), u)
}

/// sigmoid(x) as numerator and denominator, neither of which overflows.
#[inline(always)]
fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> (S::f32s, S::f32s) {
    let one = simd.splat_f32s(1.0);
    let decay = exp(simd, negative_magnitude(simd, x));
    let negative = simd.less_than_f32s(x, simd.splat_f32s(0.0));
    (
        simd.select_f32s(negative, decay, one),
        simd.add_f32s(one, decay),
    )
}

/// x for x > 0, else exp(x) − 1.
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Elu;

impl Apply for Elu {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        let negative = simd.less_than_f32s(x, simd.splat_f32s(0.0));
        simd.select_f32s(negative, exp_minus_one(simd, x), x)
    }
}

/// 1.0507… · (x for x > 0, else 1.6732… · (exp(x) − 1)), which keeps mean 0 and variance 1.
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Selu;

impl Selu {
    const SCALE: f32 = 1.050_701;
    /// 1.0507… · 1.6732….
    const NEGATIVE_SCALE: f32 = 1.758_099_3;
}

impl Apply for Selu {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        let negative = simd.less_than_f32s(x, simd.splat_f32s(0.0));
        let below = simd.mul_f32s(
            exp_minus_one(simd, x),
            simd.splat_f32s(Self::NEGATIVE_SCALE),
        );
        let above = simd.mul_f32s(x, simd.splat_f32s(Self::SCALE));
        simd.select_f32s(negative, below, above)
    }
}

/// 1 / (1 + exp(−x)).
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Sigmoid;

impl Apply for Sigmoid {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        let (numerator, denominator) = sigmoid(simd, x);
        simd.div_f32s(numerator, denominator)
    }
}

/// x · sigmoid(x).
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Silu;

impl Apply for Silu {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        let (numerator, denominator) = sigmoid(simd, x);
        simd.div_f32s(simd.mul_f32s(x, numerator), denominator)
    }
}

/// ln(sigmoid(x)) = min(0, x) − ln(1 + exp(−|x|)).
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct LogSigmoid;

impl Apply for LogSigmoid {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        let zero = simd.splat_f32s(0.0);
        let minimum = simd.select_f32s(simd.less_than_f32s(x, zero), x, zero);
        simd.sub_f32s(minimum, softplus_of_negative_magnitude(simd, x))
    }
}

/// ln(1 + exp(x)) = max(0, x) + ln(1 + exp(−|x|)). Torch gives x itself above 20, and so does this:
/// there the logarithm is less than half a unit in the last place.
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Softplus;

impl Apply for Softplus {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        let zero = simd.splat_f32s(0.0);
        let maximum = simd.select_f32s(simd.less_than_f32s(x, zero), zero, x);
        simd.add_f32s(maximum, softplus_of_negative_magnitude(simd, x))
    }
}

/// x · tanh(ln(1 + w)) = x · v / (v + 2) with w = exp(x) and v = w·(w + 2).
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Mish;

impl Apply for Mish {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        let two = simd.splat_f32s(2.0);
        // Well above 9, where the quotient rounds to 1, and far below where v overflows.
        let limit = simd.splat_f32s(20.0);
        let w = exp(
            simd,
            simd.select_f32s(simd.less_than_f32s(limit, x), limit, x),
        );
        let v = simd.mul_f32s(w, simd.add_f32s(w, two));
        simd.mul_f32s(x, simd.div_f32s(v, simd.add_f32s(v, two)))
    }
}
