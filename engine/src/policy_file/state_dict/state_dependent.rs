//! gSDE: exploration whose noise depends on the state.

use super::layers::LayerReader;
use super::tensors::Tensor;
use crate::policy::Noise;
use crate::policy_file::declared::Declared;
use crate::policy_file::error::Error;
use crate::policy_file::tensor_source::TensorSource;
use crate::quote::quote;

/// The noise of a `log_std` that must be `[features][actions]`, or `[features][1]` for all actions.
pub(super) fn read<S: TensorSource>(
    reader: &mut LayerReader<'_, S>,
    log_std: &Tensor,
    (features, actions): (usize, usize),
    declared: &Declared,
) -> Result<Noise, Error> {
    match log_std.shape[..] {
        [rows, columns] if rows == features && (columns == actions || columns == 1) => {
            let values = reader.vector(log_std)?;
            Ok(noise(&values, columns, actions, declared))
        }
        _ => Err(Error::Tensor {
            name: quote(&log_std.name),
            reason: format!(
                "has the shape {:?}, but there are {actions} actions of {features} features",
                log_std.shape
            ),
        }),
    }
}

/// gSDE's deviations, `[features][columns]`, where one column may be for all actions.
fn noise(log_std: &[f32], columns: usize, actions: usize, declared: &Declared) -> Noise {
    let std = |&log_std: &f32| deviation(log_std, declared.use_expln);
    let repeated = if columns == actions { 1 } else { actions };
    let std: Vec<f32> = log_std
        .iter()
        .flat_map(|log_std| std::iter::repeat_n(std(log_std), repeated))
        .collect();
    if std.iter().all(|std| std.is_finite()) {
        Noise::StateDependent { std }
    } else {
        Noise::Unknown
    }
}

/// `exp`, or SB3's `expln`, which grows like a logarithm above 0 (Rückstieß et al. 2008).
#[expect(clippy::cast_possible_truncation, reason = "torch computes in f32")]
fn deviation(log_std: f32, use_expln: bool) -> f32 {
    let log_std = f64::from(log_std);
    if use_expln && log_std > 0.0 {
        (log_std.ln_1p() + 1.0) as f32
    } else {
        log_std.exp() as f32
    }
}
