//! Hyperbolic tangent and what is made of it.
#![expect(
    clippy::inline_always,
    reason = "vector code must be inlined into the function whose target features are enabled"
)]

use pulp::Simd;

use super::piecewise::within;
use super::primitives::{Apply, ROUNDER, SIGN, horner, power_of_two};

/// Hyperbolic tangent, at most 1·10⁻⁷ and 2.6·10⁻⁷·|tanh x| away from it; exactly odd, exactly ±1
/// from 9.02 on.
///
/// tanh x = e / (e + 2) with e = exp(2x) − 1 = 2ⁿ·2ʳ − 1, where n is the integer nearest to 2x / ln
/// 2 and |r| ≤ ½. Here 2ʳ − 1 = r·q(r) and q is a polynomial. Forming e as 2ⁿ·r·q(r) + (2ⁿ − 1)
/// keeps its relative accuracy near 0, and near ±1 its rounding errors cancel in the quotient. A
/// rational function of x alone rounds three times worse: there both polynomials' errors reach the
/// result undamped.
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Tanh;

impl Tanh {
    /// From here on the quotient rounds to 1.
    const SATURATION: f32 = 9.02;
    /// 2 / ln 2.
    const EXPONENTS_PER_UNIT: f32 = 2.0 * std::f32::consts::LOG2_E;
    /// q, from the highest power down: minimax in the relative error of 2ʳ − 1 over |r| ≤ ½
    /// (1.1·10⁻⁸ before rounding), from `engine/golden/activations_fit.py`.
    const Q: [f32; 6] = [
        0.000_154_035_12,
        0.001_339_073_5,
        0.009_618_238,
        0.055_503_573,
        0.240_226_49,
        std::f32::consts::LN_2,
    ];
}

impl Apply for Tanh {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        let splat = |value| simd.splat_f32s(value);
        let one = splat(1.0);

        let sign = simd.and_u32s(simd.transmute_u32s_f32s(x), simd.splat_u32s(SIGN));
        let magnitude = simd.transmute_f32s_u32s(simd.xor_u32s(simd.transmute_u32s_f32s(x), sign));
        let limit = splat(Self::SATURATION);
        let magnitude = simd.select_f32s(simd.less_than_f32s(limit, magnitude), limit, magnitude);

        let per_unit = splat(Self::EXPONENTS_PER_UNIT);
        let rounded = simd.mul_add_f32s(magnitude, per_unit, splat(ROUNDER));
        let minus_n = simd.sub_f32s(splat(ROUNDER), rounded);
        let r = simd.mul_add_f32s(magnitude, per_unit, minus_n);
        let power = power_of_two(simd, rounded);

        let fraction = simd.mul_f32s(r, horner(simd, r, &Self::Q));
        let e = simd.mul_add_f32s(power, fraction, simd.sub_f32s(power, one));
        let tanh = simd.div_f32s(e, simd.add_f32s(e, splat(2.0)));
        simd.transmute_f32s_u32s(simd.xor_u32s(simd.transmute_u32s_f32s(tanh), sign))
    }
}

/// Hyperbolic tangent of x within ±bound: how SAC squashes its means with state-dependent
/// exploration.
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct ClippedTanh {
    pub(in crate::policy) bound: f32,
}

impl Apply for ClippedTanh {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        Tanh.apply(simd, within(simd, x, -self.bound, self.bound))
    }
}

/// x − tanh x. Within ±1, where that difference would cancel, it is x³·q(x²).
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Tanhshrink;

impl Tanhshrink {
    /// q, from the highest power down.
    const Q: [f32; 8] = [
        -0.000_142_823_69,
        0.000_923_608_3,
        -0.003_206_952_2,
        0.008_697_95,
        -0.021_829_585,
        0.053_963_42,
        -0.133_333_1,
        0.333_333_34,
    ];
}

impl Apply for Tanhshrink {
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        let square = simd.mul_f32s(x, x);
        let small = simd.mul_f32s(simd.mul_f32s(square, x), horner(simd, square, &Self::Q));
        let large = simd.sub_f32s(x, Tanh.apply(simd, x));
        simd.select_f32s(
            simd.less_than_f32s(square, simd.splat_f32s(1.0)),
            small,
            large,
        )
    }
}
