//! How far each function is from the true value.

use std::f64::consts::SQRT_2;

use statrs::function::erf::erfc;

use super::{scalar, spread, vectorised};
use crate::policy::Activation;

/// What counts as 0: an exponential below f32's normal numbers is 0, and `Silu` and `Mish`
/// multiply it by nearly a hundred.
const SUBNORMAL: f64 = 100.0 * 1.2e-38;

/// The function in f64, from formulas in which nothing cancels.
fn truth(activation: Activation, x: f64) -> f64 {
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    let elu = |x: f64| if x > 0.0 { x } else { x.exp_m1() };
    match activation {
        Activation::Tanh => x.tanh(),
        Activation::Relu => x.max(0.0),
        Activation::Elu | Activation::Celu => elu(x),
        Activation::LeakyRelu => x.max(0.01 * x),
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::Gelu => x * erfc(-x / SQRT_2) / 2.0,
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Activation::LogSigmoid => -softplus(-x),
        Activation::Softplus => softplus(x),
        Activation::Mish => x * softplus(x).tanh(),
        Activation::Identity => x,
        Activation::Hardtanh => x.clamp(-1.0, 1.0),
        Activation::Selu => {
            let negative_scale = if x > 0.0 {
                1.0
            } else {
                1.673_263_242_354_377_2
            };
            1.050_700_987_355_480_5 * negative_scale * elu(x)
        }
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::Softsign => x / (1.0 + x.abs()),
        Activation::Hardswish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Activation::Hardsigmoid => (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Activation::Tanhshrink if x.abs() > 0.05 => x - x.tanh(),
        Activation::Tanhshrink => {
            let square = x * x;
            let series = [
                1382.0 / 155_925.0,
                -62.0 / 2835.0,
                17.0 / 315.0,
                -2.0 / 15.0,
                1.0 / 3.0,
            ];
            x * square
                * series
                    .iter()
                    .fold(0.0, |sum, coefficient| sum * square + coefficient)
        }
    }
}

/// The largest error that rounding leaves: in units of max(1, |y|), and relative to y.
fn bounds(activation: Activation) -> (f64, f64) {
    match activation {
        Activation::Relu | Activation::Identity | Activation::Hardtanh | Activation::Relu6 => {
            (0.0, 0.0)
        }
        Activation::Elu | Activation::Celu => (6e-8, 9e-8),
        Activation::Hardsigmoid => (7e-8, 1e-7),
        Activation::LeakyRelu => (9e-8, 9e-8),
        Activation::Softsign => (1e-7, 1.3e-7),
        Activation::Sigmoid => (1e-7, 1.9e-7),
        Activation::Tanh => (1e-7, 2.6e-7),
        Activation::Gelu => (1e-7, 4e-7),
        Activation::LogSigmoid | Activation::Softplus => (1.3e-7, 1.9e-7),
        Activation::Silu => (1.3e-7, 2.2e-7),
        Activation::Tanhshrink => (1.3e-7, 3.6e-7),
        Activation::Selu => (1.4e-7, 1.5e-7),
        Activation::Mish => (1.4e-7, 3e-7),
        Activation::Hardswish => (1.5e-7, 1.5e-7),
    }
}

#[test]
fn every_function_is_within_its_bounds_of_the_true_value() {
    let inputs = spread();
    for activation in Activation::ALL {
        let (absolute, relative) = bounds(activation);
        for (&x, y) in inputs.iter().zip(vectorised(activation, &inputs)) {
            let exact = truth(activation, f64::from(x));
            let error = (f64::from(y) - exact).abs();
            assert!(
                error <= absolute * exact.abs().max(1.0),
                "{activation}({x}) = {y} instead of {exact}, {error:e} off"
            );
            assert!(
                error <= relative * exact.abs() + SUBNORMAL,
                "{activation}({x}) = {y} instead of {exact}, {error:e} off"
            );
        }
    }
}

#[test]
fn increasing_functions_never_fall_by_more_than_rounding() {
    let mut inputs = spread();
    inputs.sort_by(f32::total_cmp);
    let bend = [
        Activation::Silu,
        Activation::Gelu,
        Activation::Mish,
        Activation::Hardswish,
    ];
    for activation in Activation::ALL {
        if bend.contains(&activation) {
            continue;
        }
        let (_, relative) = bounds(activation);
        for pair in vectorised(activation, &inputs).windows(2) {
            let fall = f64::from(pair[0]) - f64::from(pair[1]);
            assert!(
                fall <= 2.0 * relative * f64::from(pair[0].abs()),
                "{activation} falls from {} to {}",
                pair[0],
                pair[1]
            );
        }
    }
}

#[test]
fn far_out_every_function_is_at_its_limit() {
    // Powers of two, which the product with 6 and the quotient leave exact.
    for far in [256.0, 2_f32.powi(33), 2_f32.powi(124)] {
        for activation in Activation::ALL {
            let above = match activation {
                Activation::Tanh
                | Activation::Sigmoid
                | Activation::Hardtanh
                | Activation::Hardsigmoid => 1.0,
                Activation::Softsign => far / (1.0 + far),
                Activation::Relu6 => 6.0,
                Activation::LogSigmoid => 0.0,
                Activation::Tanhshrink => far - 1.0,
                Activation::Selu => 1.050_701 * far,
                _ => far,
            };
            let below = match activation {
                Activation::Tanh | Activation::Elu | Activation::Celu | Activation::Hardtanh => {
                    -1.0
                }
                Activation::LeakyRelu => 0.01 * -far,
                Activation::LogSigmoid | Activation::Identity => -far,
                Activation::Selu => -1.758_099_3,
                Activation::Softsign => -far / (1.0 + far),
                Activation::Tanhshrink => 1.0 - far,
                _ => 0.0,
            };
            assert_eq!(
                scalar(activation, &[far, -far]),
                [above, below],
                "{activation} of ±{far}"
            );
        }
    }
}
