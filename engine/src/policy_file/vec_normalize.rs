//! SB3's `VecNormalize.save()`: a pickle with the running statistics of observations.
//!
//! NumPy 1 and 2 keep the same functions in different modules, and protocol 5 (Python 3.14's
//! default) writes arrays another way than protocol 3 and 4; all of these are read.

mod globals;

use globals::Global;

use super::error::Error;
use super::limits::MAX_WIDTH;
use super::numpy;
use super::pickle::{self, Document, Id, Node, Object};
use crate::policy::Normalizer;

const FILE: &str = "the VecNormalize file";

/// The observation statistics, or `None` where the file says that observations are not normalised
/// (`norm_obs=False`: it was used for rewards only).
pub(super) fn read(bytes: &[u8]) -> Result<Option<Normalizer>, Error> {
    let document: Document<'_, Global> = pickle::read(FILE, bytes)?;
    let Node::Object(saved) = document.root() else {
        return Err(unexpected("it is no object"));
    };
    if saved.callable != Global::VecNormalize {
        return Err(unexpected("it is another object"));
    }
    match attribute(&document, saved, "norm_obs")? {
        Node::Bool(true) => {}
        Node::Bool(false) => return Ok(None),
        _ => return Err(unexpected("norm_obs is no bool")),
    }
    let statistics = match attribute(&document, saved, "obs_rms")? {
        Node::Object(object) if object.callable == Global::RunningMeanStd => object,
        Node::Dict(_) => {
            return Err(unexpected(
                "its observations are a dictionary, only Box is accepted",
            ));
        }
        _ => return Err(unexpected("obs_rms is no RunningMeanStd")),
    };
    validated(Normalizer {
        mean: vector(&document, statistics, "mean")?,
        var: vector(&document, statistics, "var")?,
        epsilon: number(&document, saved, "epsilon")?,
        clip: number(&document, saved, "clip_obs")?,
    })
    .map(Some)
}

/// Checks that the statistics make a number of every observation.
pub(super) fn validated(normalizer: Normalizer) -> Result<Normalizer, Error> {
    let Normalizer {
        mean,
        var,
        epsilon,
        clip,
    } = &normalizer;
    let fault = if mean.is_empty() || mean.len() > MAX_WIDTH {
        Some(format!(
            "it has {} dimensions; from 1 to {MAX_WIDTH} are accepted",
            mean.len()
        ))
    } else if mean.len() != var.len() {
        Some(format!(
            "the mean has {} values, the variance {}",
            mean.len(),
            var.len()
        ))
    } else if !mean.iter().all(|value| value.is_finite()) {
        Some("the mean is not finite".to_owned())
    } else if !var.iter().all(|&value| value.is_finite() && value >= 0.0) {
        Some("the variance is not finite or negative".to_owned())
    } else if !(epsilon.is_finite() && *epsilon >= 0.0)
        || var.iter().any(|value| value + epsilon <= 0.0)
    {
        Some(format!(
            "epsilon is {epsilon}, so the scale is not positive"
        ))
    } else if clip.is_nan() || *clip <= 0.0 {
        Some(format!("the clip bound is {clip}, not positive"))
    } else {
        None
    };
    match fault {
        Some(reason) => Err(Error::Normalizer(reason)),
        None => Ok(normalizer),
    }
}

fn attribute<'d, 'a>(
    document: &'d Document<'a, Global>,
    object: &Object<Global>,
    name: &str,
) -> Result<&'d Node<'a, Global>, Error> {
    attribute_id(document, object, name).map(|id| document.node(id))
}

fn attribute_id(
    document: &Document<'_, Global>,
    object: &Object<Global>,
    name: &str,
) -> Result<Id, Error> {
    document
        .attribute(object, name)
        .ok_or_else(|| unexpected(&format!("{name} is missing")))
}

fn vector(
    document: &Document<'_, Global>,
    object: &Object<Global>,
    name: &str,
) -> Result<Vec<f64>, Error> {
    let id = attribute_id(document, object, name)?;
    numpy::vector(document, id).ok_or_else(|| {
        unexpected(&format!(
            "{name} is no one-dimensional array of floats: only flat observations are accepted"
        ))
    })
}

fn number(
    document: &Document<'_, Global>,
    object: &Object<Global>,
    name: &str,
) -> Result<f64, Error> {
    let id = attribute_id(document, object, name)?;
    numpy::number(document, id).ok_or_else(|| unexpected(&format!("{name} is no number")))
}

fn unexpected(reason: &str) -> Error {
    Error::Unexpected {
        file: FILE,
        expected: "a VecNormalize",
        reason: reason.to_owned(),
    }
}
