//! The trait of activation functions, and the operations that they are made of.
#![expect(
    clippy::inline_always,
    reason = "vector code must be inlined into the function whose target features are enabled"
)]

use pulp::Simd;

/// A function that is applied to every output of a layer.
pub(in crate::policy) trait Apply: Copy {
    fn apply<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s;
}

/// The sign bit of an f32.
pub(super) const SIGN: u32 = 1 << 31;

/// 1.5·2²³: added to a small number, it leaves the nearest integer in the lowest bits.
pub(super) const ROUNDER: f32 = 12_582_912.0;

/// |x|.
#[inline(always)]
pub(super) fn magnitude<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let bits = simd.and_u32s(simd.transmute_u32s_f32s(x), simd.splat_u32s(!SIGN));
    simd.transmute_f32s_u32s(bits)
}

/// −|x|.
#[inline(always)]
pub(super) fn negative_magnitude<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let bits = simd.or_u32s(simd.transmute_u32s_f32s(x), simd.splat_u32s(SIGN));
    simd.transmute_f32s_u32s(bits)
}

/// 2ⁿ for the sum of n and [`ROUNDER`]: n stands in its lowest bits; moved into the exponent
/// and biased it becomes 2ⁿ.
#[inline(always)]
pub(super) fn power_of_two<S: Simd>(simd: S, rounded: S::f32s) -> S::f32s {
    let one = simd.splat_u32s(1_f32.to_bits());
    let exponent =
        simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(rounded), simd.splat_u32s(23));
    simd.transmute_f32s_u32s(simd.add_u32s(exponent, one))
}

/// A polynomial's value, its coefficients given from the highest power down.
#[inline(always)]
pub(super) fn horner<S: Simd>(simd: S, x: S::f32s, coefficients: &[f32]) -> S::f32s {
    let mut value = simd.splat_f32s(coefficients[0]);
    for coefficient in &coefficients[1..] {
        value = simd.mul_add_f32s(value, x, simd.splat_f32s(*coefficient));
    }
    value
}
