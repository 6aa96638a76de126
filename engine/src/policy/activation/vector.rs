//! Activation functions on vectors of lanes: the same bits on every instruction set, and NaN stays
//! NaN.
#![expect(
    clippy::inline_always,
    reason = "vector code must be inlined into the function whose target features are enabled"
)]

mod exponential;
mod gaussian;
mod piecewise;
mod tanh;
#[cfg(test)]
mod tests;

use pulp::Simd;

use self::exponential::{Elu, LogSigmoid, Mish, Selu, Sigmoid, Silu, Softplus};
use self::gaussian::Gelu;
use self::piecewise::{
    Hardsigmoid, Hardswish, Hardtanh, Identity, LeakyRelu, Relu, Relu6, Softsign,
};
pub(in crate::policy) use self::tanh::ClippedTanh;
use self::tanh::{Tanh, Tanhshrink};
use super::Activation;

/// A function that is applied to every output of a layer.
pub(in crate::policy) trait Apply: Copy {
    fn apply<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s;
}

/// What is done with a function, compiled for each of them.
pub(in crate::policy) trait Visit {
    type Output;

    fn visit<A: Apply>(self, function: A) -> Self::Output;
}

/// Hands the function that computes `activation` to the visitor.
#[inline(always)]
pub(in crate::policy) fn visit<V: Visit>(activation: Activation, visitor: V) -> V::Output {
    match activation {
        Activation::Tanh => visitor.visit(Tanh),
        Activation::Relu => visitor.visit(Relu),
        Activation::Elu | Activation::Celu => visitor.visit(Elu),
        Activation::LeakyRelu => visitor.visit(LeakyRelu),
        Activation::Silu => visitor.visit(Silu),
        Activation::Gelu => visitor.visit(Gelu),
        Activation::Sigmoid => visitor.visit(Sigmoid),
        Activation::LogSigmoid => visitor.visit(LogSigmoid),
        Activation::Softplus => visitor.visit(Softplus),
        Activation::Mish => visitor.visit(Mish),
        Activation::Identity => visitor.visit(Identity),
        Activation::Hardtanh => visitor.visit(Hardtanh),
        Activation::Selu => visitor.visit(Selu),
        Activation::Relu6 => visitor.visit(Relu6),
        Activation::Softsign => visitor.visit(Softsign),
        Activation::Hardswish => visitor.visit(Hardswish),
        Activation::Hardsigmoid => visitor.visit(Hardsigmoid),
        Activation::Tanhshrink => visitor.visit(Tanhshrink),
    }
}

/// The sign's place in the bits of an f32.
const SIGN: u32 = 1 << 31;
/// 1.5·2²³: added to a small number, it leaves the nearest integer in the lowest bits.
const ROUNDER: f32 = 12_582_912.0;

/// |x|.
#[inline(always)]
fn magnitude<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let bits = simd.and_u32s(simd.transmute_u32s_f32s(x), simd.splat_u32s(!SIGN));
    simd.transmute_f32s_u32s(bits)
}

/// −|x|.
#[inline(always)]
fn negative_magnitude<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let bits = simd.or_u32s(simd.transmute_u32s_f32s(x), simd.splat_u32s(SIGN));
    simd.transmute_f32s_u32s(bits)
}

/// 2ⁿ for the sum of n and [`ROUNDER`]: n stands in its lowest bits; moved into the exponent's
/// place and biased it becomes 2ⁿ.
#[inline(always)]
fn power_of_two<S: Simd>(simd: S, rounded: S::f32s) -> S::f32s {
    let one = simd.splat_u32s(1_f32.to_bits());
    let exponent =
        simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(rounded), simd.splat_u32s(23));
    simd.transmute_f32s_u32s(simd.add_u32s(exponent, one))
}

/// A polynomial's value, its coefficients given from the highest power down.
#[inline(always)]
fn horner<S: Simd>(simd: S, x: S::f32s, coefficients: &[f32]) -> S::f32s {
    let mut value = simd.splat_f32s(coefficients[0]);
    for coefficient in &coefficients[1..] {
        value = simd.mul_add_f32s(value, x, simd.splat_f32s(*coefficient));
    }
    value
}
