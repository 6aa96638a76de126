//! The activation that is made of the normal distribution function.
#![expect(
    clippy::inline_always,
    reason = "vector code must be inlined into the function whose target features are enabled"
)]

use pulp::Simd;

use super::exponential::exp;
use super::primitives::{Apply, SIGN, horner, magnitude};

/// x · Φ(x) = max(0, x) − |x| · Φ(−|x|), where nothing cancels.
///
/// Φ(−a) = exp(−a²/2) · p(a) / d(a) with polynomials whose coefficients are all positive, so that
/// their rounding errors stay small, and so does the relative error far out.
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Gelu;

impl Gelu {
    /// From here on Φ(−a) counts as 0: it has nearly left the range of f32.
    const LIMIT: f32 = 13.3;
    /// p, from the highest power down.
    const ABOVE: [f32; 5] = [0.003_990_876_5, 0.039_799_52, 0.180_777_9, 0.435_002, 0.5];
    /// d, from the highest power down.
    const BELOW: [f32; 6] = [
        0.010_003_497,
        0.099_770_13,
        0.462_978_48,
        1.192_335_1,
        1.667_888_8,
        1.0,
    ];
}

impl Apply for Gelu {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        let (zero, limit) = (simd.splat_f32s(0.0), simd.splat_f32s(Self::LIMIT));
        let a = magnitude(simd, x);
        let a = simd.select_f32s(simd.less_than_f32s(limit, a), limit, a);

        // The square's rounding error, made good after the exponential, would grow with it.
        let minus_half = simd.mul_f32s(a, simd.splat_f32s(-0.5));
        let exponent = simd.mul_f32s(minus_half, a);
        let rest = simd.mul_add_f32s(minus_half, a, simd.neg_f32s(exponent));
        let density = exp(simd, exponent);
        let density = simd.mul_add_f32s(density, rest, density);
        let tail = simd.div_f32s(
            simd.mul_f32s(density, horner(simd, a, &Self::ABOVE)),
            horner(simd, a, &Self::BELOW),
        );

        // Torch gives NaN for −∞, as −∞ · 0 does here, and ∞ for ∞, so x stays finite above only.
        let capped = simd.select_f32s(simd.less_than_f32s(limit, x), limit, x);
        let maximum = simd.select_f32s(simd.less_than_f32s(x, zero), zero, x);
        let sign = simd.splat_u32s(SIGN);
        let minus = simd.transmute_f32s_u32s(simd.or_u32s(simd.transmute_u32s_f32s(capped), sign));
        simd.mul_add_f32s(minus, tail, maximum)
    }
}
