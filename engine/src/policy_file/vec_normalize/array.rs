//! NumPy's arrays and scalars of float64, as pickles describe them.

use super::Global;
use crate::policy_file::pickle::{Document, Id, Node};

type NumpyDocument<'a> = Document<'a, Global>;

/// The values of a one-dimensional little-endian float64 array.
pub(super) fn vector(document: &NumpyDocument<'_>, id: Id) -> Option<Vec<f64>> {
    let array = document.object(id)?;
    let (shape, dtype, bytes) = match array.callable {
        // State (version, shape, dtype, is_fortran, bytes). A vector has the same bytes in either
        // order.
        Global::Reconstruct => match document.tuple(array.state?)? {
            &[_, shape, dtype, _, bytes] => (shape, dtype, bytes),
            _ => return None,
        },
        // Arguments (bytes, dtype, shape, order).
        Global::FromBuffer => match document.tuple(array.arguments)? {
            &[bytes, dtype, shape, ..] => (shape, dtype, bytes),
            _ => return None,
        },
        _ => return None,
    };
    let [length] = document.sizes(shape)?[..] else {
        return None;
    };
    let values = floats(document, dtype, bytes)?;
    (values.len() == length).then_some(values)
}

/// A Python or NumPy number.
pub(super) fn number(document: &NumpyDocument<'_>, id: Id) -> Option<f64> {
    match document.node(id) {
        &Node::Float(value) => Some(value),
        &Node::Int(value) => i32::try_from(value).ok().map(f64::from),
        Node::Object(scalar) if scalar.callable == Global::Scalar => {
            let &[dtype, bytes] = document.tuple(scalar.arguments)? else {
                return None;
            };
            match floats(document, dtype, bytes)?[..] {
                [value] => Some(value),
                _ => None,
            }
        }
        _ => None,
    }
}

fn floats(document: &NumpyDocument<'_>, dtype: Id, bytes: Id) -> Option<Vec<f64>> {
    if !is_float64(document, dtype)? {
        return None;
    }
    let &Node::Bytes(bytes) = document.node(bytes) else {
        return None;
    };
    let (values, rest) = bytes.as_chunks();
    rest.is_empty().then(|| {
        values
            .iter()
            .map(|&value| f64::from_le_bytes(value))
            .collect()
    })
}

/// `dtype('f8', …)` whose state is `(3, '<', …)`.
fn is_float64(document: &NumpyDocument<'_>, id: Id) -> Option<bool> {
    let dtype = document.object(id)?;
    let (&kind, &order) = (
        document.tuple(dtype.arguments)?.first()?,
        document.tuple(dtype.state?)?.get(1)?,
    );
    Some(
        dtype.callable == Global::Dtype
            && document.text(kind)? == "f8"
            && document.text(order)? == "<",
    )
}
