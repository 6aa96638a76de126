//! Dictionaries in pickles, and those of tensors.

use std::collections::BTreeMap;

use super::file::unexpected;
use super::global::{Global, TensorGlobal};
use super::view::View;
use crate::policy_file::error::Error;
use crate::policy_file::pickle::{Document, Id, Node, Object};
use crate::quote::quote;

/// The tensors of a dictionary.
pub(in crate::policy_file) fn views<G: TensorGlobal>(
    file: &'static str,
    document: &Document<'_, G>,
    dictionary: &Node<'_, G>,
) -> Result<BTreeMap<String, View>, Error> {
    let entries = entries(dictionary).ok_or_else(|| unexpected(file, "it is no dictionary"))?;
    let mut views = BTreeMap::new();
    for &(key, value) in entries {
        let name = document
            .text(key)
            .ok_or_else(|| unexpected(file, "a tensor's name is no text"))?;
        let view = View::of(document, value).ok_or_else(|| Error::Tensor {
            name: quote(name),
            reason: "is no tensor as torch.save writes it".to_owned(),
        })?;
        if views.insert(name.to_owned(), view).is_some() {
            return Err(Error::Tensor {
                name: quote(name),
                reason: "occurs twice".to_owned(),
            });
        }
    }
    Ok(views)
}

/// The entries of a dictionary, ordered or not.
pub(in crate::policy_file) fn entries<'d, G: TensorGlobal>(
    node: &'d Node<'_, G>,
) -> Option<&'d [(Id, Id)]> {
    match node {
        Node::Dict(entries) => Some(entries),
        Node::Object(Object {
            callable, items, ..
        }) if callable.tensor() == Some(Global::OrderedDict) => Some(items),
        _ => None,
    }
}
