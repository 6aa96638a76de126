//! Files that `torch.save` wrote: a policy's `save()`, a state dict, or what CleanRL keeps.
//!
//! | content | from |
//! |---|---|
//! | `{"state_dict": …, "data": …}` | `policy.save()` of Stable-Baselines3 |
//! | a state dict | `torch.save(policy.state_dict(), …)`, CleanRL |
//! | `{"model_weights": …, "obs_rms": …}` | CleanRL; the statistics of observations may be absent |
//! | a tuple of state dicts, the actor's first | CleanRL's DDPG, TD3 and SAC |

mod data;
mod globals;
mod unexpected;

use std::collections::BTreeMap;

use self::globals::Global;
use self::unexpected::{FILE, unexpected};
use super::contents::PolicyFile;
use super::declared::{Class, Declared};
use super::error::Error;
use super::given::Given;
use super::pickle::{self, Document, Id, Node};
use super::tensor_source::TensorSource as _;
use super::torch::{self, StateDict, View};
use super::{numpy, state_dict, vec_normalize};
use crate::policy::Normalizer;

/// Reads a whole file.
pub(super) fn read(bytes: &[u8], given: Given) -> Result<PolicyFile, Error> {
    let file = torch::open(FILE, bytes.to_vec())?;
    let document: Document<'_, Global> = pickle::read(FILE, &file.pickle)?;
    let (views, declared) = content(&document)?;
    let mut source = StateDict::new(file.storages, views);
    if source.tensors().next().is_none() {
        return Err(unexpected("it has no tensors"));
    }
    state_dict::recognise(&mut source, &declared, given)
}

type Content = (BTreeMap<String, View>, Declared);

fn content(document: &Document<'_, Global>) -> Result<Content, Error> {
    let bare = Declared {
        class: Class::StateDict,
        ..Declared::default()
    };
    let views = |id: Id| torch::views(FILE, document, document.node(id));
    match document.root() {
        Node::Tuple(parts) => match parts.first() {
            Some(&actor) => Ok((views(actor)?, bare)),
            None => Err(unexpected("it is an empty tuple")),
        },
        root => {
            let entries = torch::entries(root)
                .ok_or_else(|| unexpected("it is neither a dictionary nor a tuple"))?;
            let entry = |name: &str| document.value(entries, name);
            if let (Some(tensors), Some(data)) = (entry("state_dict"), entry("data")) {
                return Ok((views(tensors)?, data::read(document, data)?));
            }
            if let Some(weights) = entry("model_weights") {
                let statistics = entry("obs_rms").map(|id| statistics(document, id));
                let declared = Declared {
                    normalizer: statistics.transpose()?,
                    ..bare
                };
                return Ok((views(weights)?, declared));
            }
            if entry("param_groups").is_some() {
                let what = "the state of an optimizer; the policy is beside it, in policy.pth";
                return Err(Error::NoPolicy(what.to_owned()));
            }
            Ok((torch::views(FILE, document, root)?, bare))
        }
    }
}

/// What CleanRL keeps of Gymnasium's `NormalizeObservation`: `mean` and `var`, as arrays or lists.
/// Its scripts divide by √(var + 10⁻⁸) and clip at ±10.
fn statistics(document: &Document<'_, Global>, id: Id) -> Result<Normalizer, Error> {
    let wrong = || unexpected("obs_rms has no vectors mean and var");
    let entries = torch::entries(document.node(id)).ok_or_else(wrong)?;
    let vector = |name: &str| -> Option<Vec<f64>> {
        let value = document.value(entries, name)?;
        match document.node(value) {
            Node::List(items) => items
                .iter()
                .map(|&item| numpy::number(document, item))
                .collect(),
            _ => numpy::vector(document, value),
        }
    };
    let (mean, var) = (
        vector("mean").ok_or_else(wrong)?,
        vector("var").ok_or_else(wrong)?,
    );
    vec_normalize::validated(Normalizer {
        mean,
        var,
        epsilon: 1e-8,
        clip: 10.0,
    })
}
