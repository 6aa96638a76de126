//! The entry `data` of `policy.save()`: the arguments of the policy's constructor. They do not say
//! its class.

use super::globals::Global;
use super::unexpected::unexpected;
use crate::policy::Spaces;
use crate::policy_file::declared::{Class, Declared, DeclaredActivation};
use crate::policy_file::error::Error;
use crate::policy_file::pickle::{Document, Id, Node};
use crate::policy_file::{numpy, torch};
use crate::space::BoxSpace;

type Data<'d, 'a> = &'d Document<'a, Global>;

/// What the arguments say.
pub(super) fn read(document: Data<'_, '_>, data: Id) -> Result<Declared, Error> {
    let entries = torch::entries(document.node(data))
        .ok_or_else(|| unexpected("its data is no dictionary"))?;
    let entry = |name: &str| document.value(entries, name);
    let node = |name: &str| entry(name).map(|id| document.node(id));
    let number = |name: &str| entry(name).and_then(|id| numpy::number(document, id));
    let flag = |name: &str| match node(name) {
        Some(&Node::Bool(flag)) => Some(flag),
        _ => None,
    };
    match node("features_extractor_class") {
        None | Some(Node::None | Node::Global(Global::FlattenExtractor)) => {}
        Some(_) => {
            return Err(Error::Unsupported {
                found: "the policy has a features extractor of its own".to_owned(),
                advice: "only FlattenExtractor, the default of MlpPolicy, can be evaluated",
            });
        }
    }
    let (observations, _) = space(document, entry("observation_space"))?;
    let (actions, is_discrete) = space(document, entry("action_space"))?;
    if observations.is_none() && entry("observation_space").is_some() {
        return Err(unsupported_space());
    }
    Ok(Declared {
        class: Class::Undeclared,
        activation: match node("activation_fn") {
            Some(Node::Global(Global::Activation(activation))) => {
                DeclaredActivation::Known(*activation)
            }
            None | Some(Node::None) => DeclaredActivation::Nothing,
            Some(_) => DeclaredActivation::Foreign("no class of torch.nn".to_owned()),
        },
        squash_output: Some(flag("squash_output").unwrap_or(false)),
        is_discrete,
        n_quantiles: entry("n_quantiles").and_then(|id| document.size(id)),
        clip_mean: number("clip_mean").map(single),
        use_expln: flag("use_expln").unwrap_or(false),
        batch_norm_eps: number("batch_norm_eps"),
        spaces: Spaces {
            observations,
            actions,
            ..Spaces::default()
        },
        ..Declared::default()
    })
}

/// The bounds of a box, and whether the space is discrete.
fn space(
    document: Data<'_, '_>,
    id: Option<Id>,
) -> Result<(Option<BoxSpace>, Option<bool>), Error> {
    let Some(id) = id else {
        return Ok((None, None));
    };
    let Node::Object(space) = document.node(id) else {
        return Err(unsupported_space());
    };
    let bound = |name: &str| -> Option<Vec<f32>> {
        let values = numpy::vector(document, document.attribute(space, name)?)?;
        Some(values.into_iter().map(single).collect())
    };
    match space.callable {
        Global::Box => match (bound("low"), bound("high")) {
            (Some(low), Some(high)) if low.len() == high.len() => {
                Ok((Some(BoxSpace { low, high }), Some(false)))
            }
            _ => Err(unexpected("the bounds of a space are no vectors")),
        },
        Global::Discrete => {
            let start = document.attribute(space, "start");
            let start = start.and_then(|id| numpy::number(document, id));
            if start.is_some_and(|start| start != 0.0) {
                return Err(unsupported_space());
            }
            Ok((None, Some(true)))
        }
        _ => Err(unsupported_space()),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "spaces and networks are f32"
)]
fn single(value: f64) -> f32 {
    value as f32
}

fn unsupported_space() -> Error {
    Error::Unsupported {
        found: "the policy has other spaces than a Box of observations and a Box or Discrete of \
                actions"
            .to_owned(),
        advice: "only those can be evaluated",
    }
}
