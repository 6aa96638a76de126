//! One lane alone: the registers hold neighbouring outputs instead of neighbouring lanes. Each
//! output is accumulated in the same order as in a block of lanes, so the bits are the same.
#![expect(
    clippy::inline_always,
    reason = "vector code must be inlined into the function whose target features are enabled"
)]

use pulp::Simd;

use super::alignment::{CACHE_LINE, aligned, aligned_mut};
use crate::policy::activation::vector::{Apply, Visit};
use crate::policy::dense::Dense;

/// Registers of neighbouring outputs that are computed together for one lane.
pub(super) const COLUMNS: usize = 4;
/// The same weights for one lane.
#[derive(Debug)]
pub(super) struct Columns {
    inputs: usize,
    /// Outputs, rounded up to whole registers; those that do not exist are zeros.
    outputs: usize,
    /// The bias of every output, then for each input its weight in every output. It begins with a
    /// cache line.
    values: Vec<f32>,
}

impl Columns {
    /// `together`: outputs that are computed together.
    pub(super) fn new(dense: &Dense, together: usize) -> Self {
        let outputs = dense.outputs.next_multiple_of(together);
        let room = (1 + dense.inputs) * outputs + CACHE_LINE / size_of::<f32>();
        let mut columns = Self {
            inputs: dense.inputs,
            outputs,
            values: vec![0.0; room],
        };
        let values = aligned_mut(&mut columns.values);
        values[..dense.outputs].copy_from_slice(&dense.bias);
        for (input, column) in values[outputs..]
            .chunks_exact_mut(outputs.max(1))
            .take(dense.inputs)
            .enumerate()
        {
            for (output, weight) in column[..dense.outputs].iter_mut().enumerate() {
                *weight = dense.weight[output * dense.inputs + input];
            }
        }
        columns
    }
}

/// One layer for one lane.
pub(super) struct LaneAlone<'a, S: Simd> {
    pub(super) simd: S,
    pub(super) columns: &'a Columns,
    pub(super) inputs: &'a [f32],
    pub(super) outputs: &'a mut [f32],
}

impl<S: Simd> Visit for LaneAlone<'_, S> {
    type Output = ();

    #[inline(always)]
    fn visit<A: Apply>(self, function: A) {
        let Self {
            simd,
            columns,
            inputs,
            outputs,
        } = self;
        let (bias, weights) = aligned(&columns.values).split_at(columns.outputs);
        let groups = columns_of::<S>(bias);
        let outputs = S::as_mut_simd_f32s(&mut outputs[..columns.outputs]).0;
        for (group, (bias, outputs)) in groups
            .iter()
            .zip(outputs.as_chunks_mut::<COLUMNS>().0)
            .enumerate()
        {
            let mut sums = *bias;
            let inputs = &inputs[..columns.inputs];
            for (input, weights) in inputs.iter().zip(weights.chunks_exact(columns.outputs)) {
                let input = simd.splat_f32s(*input);
                let weights = &columns_of::<S>(weights)[group];
                for column in 0..COLUMNS {
                    sums[column] = simd.mul_add_f32s(weights[column], input, sums[column]);
                }
            }
            for column in 0..COLUMNS {
                outputs[column] = function.apply(simd, sums[column]);
            }
        }
    }
}

#[inline(always)]
fn columns_of<S: Simd>(values: &[f32]) -> &[[S::f32s; COLUMNS]] {
    S::as_simd_f32s(values).0.as_chunks().0
}
