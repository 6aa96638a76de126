//! The forward pass of a multilayer perceptron over many lanes.
//!
//! Lanes go through the network in blocks of two vector registers. Each output of each lane is
//! accumulated in the same order with fused multiply-add: `b`, then `w₀x₀`, `w₁x₁`, … So a lane's
//! result depends neither on its position nor on how many lanes there are nor on the instruction
//! set; without one that has FMA it is only slower. A block with few lanes in it would compute
//! mostly nothing: they go one by one, and the registers hold neighbouring outputs instead of
//! neighbouring lanes.
#![expect(
    clippy::inline_always,
    reason = "vector code must be inlined into the function whose target features are enabled"
)]

mod alignment;
mod alone;
#[cfg(test)]
mod tests;

use pulp::{Arch, Simd, WithSimd};

use self::alignment::{CACHE_LINE, aligned_mut};
use self::alone::{COLUMNS, Columns, LaneAlone};
use super::activation::Activation;
use super::activation::vector::{Apply, ClippedTanh, Visit, visit};
use super::dense::Dense;
use crate::lanes::LaneMatrix;

/// Outputs that are computed together. Four outputs of two registers are eight sums in flight,
/// which hides the latency of FMA and leaves room for inputs and weights in the sixteen registers
/// of AVX2.
const ROWS: usize = 4;
/// Registers per block of lanes.
const VECTORS: usize = 2;

/// Lanes go one by one where they fill no more than this part of a block.
const FEW: usize = 4;

/// A network, its weights laid out for [`Network::forward`], and its scratch space.
#[derive(Debug)]
pub(super) struct Network {
    arch: Arch,
    block: usize,
    layers: Vec<Layer>,
    scratch: [Vec<f32>; 2],
}

/// What is applied to the outputs of the last layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Output {
    /// Nothing.
    Raw,
    /// Hyperbolic tangent.
    Tanh,
    /// Hyperbolic tangent of the outputs within ± this bound.
    ClippedTanh(f32),
}

#[derive(Debug)]
struct Layer {
    function: Function,
    panels: Vec<Panel>,
    columns: Columns,
}

/// What is applied to the outputs of a layer.
#[derive(Debug, Clone, Copy)]
enum Function {
    Activation(Activation),
    ClippedTanh(ClippedTanh),
}

/// [`ROWS`] outputs of a layer; rows of zeros fill up the last one.
#[derive(Debug)]
struct Panel {
    bias: [f32; ROWS],
    /// One entry per input.
    weights: Vec<[f32; ROWS]>,
}

impl Network {
    /// `activation` is applied between the layers and `last` after the last one. The layers' shapes
    /// must agree.
    pub(super) fn new(layers: &[Dense], activation: Activation, last: Output) -> Self {
        Self::on(Arch::new(), layers, activation, last)
    }

    fn on(arch: Arch, layers: &[Dense], activation: Activation, last: Output) -> Self {
        let block = arch.dispatch(BlockLanes);
        let widths = layers
            .iter()
            .flat_map(|layer| [layer.inputs, layer.outputs]);
        let width = widths.max().unwrap_or(0).next_multiple_of(ROWS);
        let between = layers.len().saturating_sub(1);
        let functions = std::iter::repeat_n(Function::Activation(activation), between)
            .chain([Function::from(last)]);
        Self {
            arch,
            block,
            layers: layers
                .iter()
                .zip(functions)
                .map(|(layer, function)| Layer::new(layer, function, block))
                .collect(),
            scratch: std::array::from_fn(|_| {
                vec![0.0; width * block + CACHE_LINE / size_of::<f32>()]
            }),
        }
    }

    /// Writes the outputs of the lanes `0..active`.
    pub(super) fn forward(&mut self, active: usize, inputs: &LaneMatrix, outputs: &mut LaneMatrix) {
        self.arch.dispatch(Forward {
            block: self.block,
            layers: &self.layers,
            scratch: &mut self.scratch,
            active,
            inputs,
            outputs,
        });
    }
}

impl From<Output> for Function {
    fn from(output: Output) -> Self {
        match output {
            Output::Raw => Self::Activation(Activation::Identity),
            Output::Tanh => Self::Activation(Activation::Tanh),
            Output::ClippedTanh(bound) => Self::ClippedTanh(ClippedTanh { bound }),
        }
    }
}

impl Layer {
    fn new(dense: &Dense, function: Function, block: usize) -> Self {
        let panels = (0..dense.outputs)
            .step_by(ROWS)
            .map(|first| Panel::new(dense, first))
            .collect();
        Self {
            function,
            panels,
            columns: Columns::new(dense, block / VECTORS * COLUMNS),
        }
    }
}

impl Panel {
    fn new(dense: &Dense, first: usize) -> Self {
        let row = |row: usize| (first + row < dense.outputs).then_some(first + row);
        let bias = std::array::from_fn(|offset| row(offset).map_or(0.0, |row| dense.bias[row]));
        let weight = |input| {
            std::array::from_fn(|offset| {
                row(offset).map_or(0.0, |row| dense.weight[row * dense.inputs + input])
            })
        };
        Self {
            bias,
            weights: (0..dense.inputs).map(weight).collect(),
        }
    }
}

/// How many lanes a block has on an instruction set.
struct BlockLanes;

impl WithSimd for BlockLanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        VECTORS * S::F32_LANES
    }
}

struct Forward<'a> {
    block: usize,
    layers: &'a [Layer],
    scratch: &'a mut [Vec<f32>; 2],
    active: usize,
    inputs: &'a LaneMatrix,
    outputs: &'a mut LaneMatrix,
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let [mut from, mut to] = self.scratch.each_mut().map(|scratch| aligned_mut(scratch));
        let features = self.outputs.features();
        for first in (0..self.active).step_by(self.block) {
            let lanes = self.block.min(self.active - first);
            if lanes * FEW <= self.block {
                for lane in first..first + lanes {
                    for (feature, value) in from[..self.inputs.features()].iter_mut().enumerate() {
                        *value = self.inputs.row(feature)[lane];
                    }
                    let values = through_alone(simd, self.layers, from, to);
                    self.outputs.set_lane(lane, &values[..features]);
                }
                continue;
            }
            for (feature, row) in from
                .chunks_exact_mut(self.block)
                .take(self.inputs.features())
                .enumerate()
            {
                row[..lanes].copy_from_slice(&self.inputs.row(feature)[first..first + lanes]);
            }
            for layer in self.layers {
                let dense = DenseLayer {
                    simd,
                    layer,
                    inputs: blocks::<S>(from),
                    outputs: blocks_mut::<S>(to),
                };
                match layer.function {
                    Function::Activation(activation) => visit(activation, dense),
                    Function::ClippedTanh(clipped) => dense.visit(clipped),
                }
                std::mem::swap(&mut from, &mut to);
            }
            for (output, row) in from
                .chunks_exact(self.block)
                .take(self.outputs.features())
                .enumerate()
            {
                self.outputs.row_mut(output)[first..first + lanes].copy_from_slice(&row[..lanes]);
            }
        }
    }
}

#[inline(always)]
fn blocks<S: Simd>(values: &[f32]) -> &[[S::f32s; VECTORS]] {
    S::as_simd_f32s(values).0.as_chunks().0
}

#[inline(always)]
fn blocks_mut<S: Simd>(values: &mut [f32]) -> &mut [[S::f32s; VECTORS]] {
    S::as_mut_simd_f32s(values).0.as_chunks_mut().0
}

/// One layer for one block of lanes.
struct DenseLayer<'a, S: Simd> {
    simd: S,
    layer: &'a Layer,
    inputs: &'a [[S::f32s; VECTORS]],
    outputs: &'a mut [[S::f32s; VECTORS]],
}

impl<S: Simd> Visit for DenseLayer<'_, S> {
    type Output = ();

    #[inline(always)]
    fn visit<A: Apply>(self, function: A) {
        let Self {
            simd,
            layer,
            inputs,
            outputs,
        } = self;
        for (panel, outputs) in layer.panels.iter().zip(outputs.as_chunks_mut::<ROWS>().0) {
            let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
            for (sum, bias) in sums.iter_mut().zip(panel.bias) {
                *sum = [simd.splat_f32s(bias); VECTORS];
            }
            for (weights, inputs) in panel.weights.iter().zip(inputs) {
                for row in 0..ROWS {
                    let weight = simd.splat_f32s(weights[row]);
                    for vector in 0..VECTORS {
                        sums[row][vector] =
                            simd.mul_add_f32s(weight, inputs[vector], sums[row][vector]);
                    }
                }
            }
            for row in 0..ROWS {
                for vector in 0..VECTORS {
                    outputs[row][vector] = function.apply(simd, sums[row][vector]);
                }
            }
        }
    }
}

/// One lane through all layers; its outputs come first in what it gives.
#[inline(always)]
fn through_alone<'a, S: Simd>(
    simd: S,
    layers: &[Layer],
    mut from: &'a mut [f32],
    mut to: &'a mut [f32],
) -> &'a [f32] {
    for layer in layers {
        let alone = LaneAlone {
            simd,
            columns: &layer.columns,
            inputs: from,
            outputs: to,
        };
        match layer.function {
            Function::Activation(activation) => visit(activation, alone),
            Function::ClippedTanh(clipped) => alone.visit(clipped),
        }
        std::mem::swap(&mut from, &mut to);
    }
    from
}
