//! Files that `torch.save` wrote: a policy's `save()`, a state dict, or what CleanRL keeps.
//!
//! | content | from |
//! |---|---|
//! | `{"state_dict": …, "data": …}` | `policy.save()` of Stable-Baselines3 |
//! | a state dict | `torch.save(policy.state_dict(), …)`, CleanRL |
//! | `{"model_weights": …, "args": …}` | CleanRL's C51 and Rainbow, which are no plain Q-networks |
//! | a tuple of state dicts, the actor's first | CleanRL's DDPG, TD3 and SAC |

mod data;
mod globals;

use std::collections::BTreeMap;

use self::globals::Global;
use super::declared::{Class, Declared};
use super::given::Given;
use super::pickle::{Document, Id, Node};
use super::state_dict::{self, TensorSource as _};
use super::torch::{self, StateDict, TorchFile, View};
use super::{Error, PolicyFile};

const FILE: &str = "the policy file";

/// Reads a whole file.
pub(super) fn read(bytes: &[u8], given: &Given) -> Result<PolicyFile, Error> {
    let file = TorchFile::open(FILE, bytes.to_vec())?;
    let document: Document<'_, Global> = Document::read(FILE, &file.pickle)?;
    let (views, declared) = content(&document)?;
    let mut source = StateDict::new(file.storages, views);
    if source.tensors().next().is_none() {
        return Err(torch::unexpected(FILE, "it has no tensors"));
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
            None => Err(torch::unexpected(FILE, "it is an empty tuple")),
        },
        root => {
            let entries = torch::entries(root)
                .ok_or_else(|| torch::unexpected(FILE, "it is neither a dictionary nor a tuple"))?;
            let entry = |name: &str| {
                let found = entries
                    .iter()
                    .rev()
                    .find(|&&(key, _)| document.text(key) == Some(name));
                found.map(|&(_, value)| value)
            };
            if let (Some(tensors), Some(data)) = (entry("state_dict"), entry("data")) {
                return Ok((views(tensors)?, data::read(document, data)?));
            }
            if let Some(weights) = entry("model_weights") {
                return Ok((views(weights)?, bare));
            }
            Ok((torch::views(FILE, document, root)?, bare))
        }
    }
}
