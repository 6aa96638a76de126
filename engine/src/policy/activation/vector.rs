//! Activation functions on vectors of lanes: the same bits on every instruction set, and NaN stays
//! NaN.
#![expect(
    clippy::inline_always,
    reason = "vector code must be inlined into the function whose target features are enabled"
)]

mod exponential;
mod gaussian;
mod piecewise;
mod primitives;
mod tanh;
#[cfg(test)]
mod tests;

use self::exponential::{Elu, LogSigmoid, Mish, Selu, Sigmoid, Silu, Softplus};
use self::gaussian::Gelu;
use self::piecewise::{
    Hardsigmoid, Hardswish, Hardtanh, Identity, LeakyRelu, Relu, Relu6, Softsign,
};
pub(in crate::policy) use self::primitives::Apply;
pub(in crate::policy) use self::tanh::ClippedTanh;
use self::tanh::{Tanh, Tanhshrink};
use crate::policy::activation::Activation;

/// What is done with a function, compiled for each of them.
pub(in crate::policy) trait Visit {
    type Output;

    fn visit<A: Apply>(self, function: A) -> Self::Output;
}

/// Calls the visitor with the function that computes `activation`.
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
