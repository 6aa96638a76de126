//! NumPy's arrays and scalars, as pickles describe them.

use super::pickle::{AllowedGlobal, Document, Id, Node};

/// The names that arrays and scalars are rebuilt with. NumPy 1 and 2 keep them in different
/// modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    Array,
    Dtype,
    Reconstruct,
    FromBuffer,
    Scalar,
    /// `_codecs.encode`, with which protocol 2 writes bytes as text.
    Encode,
}

impl Global {
    pub(super) fn named(module: &str, name: &str) -> Option<Self> {
        match (module, name) {
            ("numpy", "ndarray") => Some(Self::Array),
            ("numpy", "dtype") => Some(Self::Dtype),
            ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => {
                Some(Self::Reconstruct)
            }
            ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => Some(Self::Scalar),
            ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => Some(Self::FromBuffer),
            ("_codecs", "encode") => Some(Self::Encode),
            _ => None,
        }
    }
}

/// The names of NumPy, among those that one kind of file may refer to.
pub(super) trait NumpyGlobal: AllowedGlobal {
    /// The name as one of NumPy's.
    fn numpy(self) -> Option<Global>;
}

/// The values of a one-dimensional little-endian array of floats.
pub(super) fn vector<G: NumpyGlobal>(document: &Document<'_, G>, id: Id) -> Option<Vec<f64>> {
    let array = document.object(id)?;
    let (shape, dtype, bytes) = match array.callable.numpy()? {
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
    let values = numbers(document, dtype, bytes, &["f8", "f4"])?;
    (values.len() == length).then_some(values)
}

/// A Python or NumPy number.
pub(super) fn number<G: NumpyGlobal>(document: &Document<'_, G>, id: Id) -> Option<f64> {
    match document.node(id) {
        &Node::Float(value) => Some(value),
        &Node::Int(value) => i32::try_from(value).ok().map(f64::from),
        Node::Object(scalar) if scalar.callable.numpy() == Some(Global::Scalar) => {
            let &[dtype, bytes] = document.tuple(scalar.arguments)? else {
                return None;
            };
            match numbers(document, dtype, bytes, &["f8", "f4", "i8"])?[..] {
                [value] => Some(value),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Numbers of `dtype(kind, …)`, whose state is `(3, '<', …)`.
fn numbers<G: NumpyGlobal>(
    document: &Document<'_, G>,
    dtype: Id,
    bytes: Id,
    kinds: &[&str],
) -> Option<Vec<f64>> {
    let bytes = bytes_of(document, bytes)?;
    let dtype = document.object(dtype)?;
    let kind = document.text(*document.tuple(dtype.arguments)?.first()?)?;
    let order = document.text(*document.tuple(dtype.state?)?.get(1)?)?;
    if dtype.callable.numpy() != Some(Global::Dtype) || order != "<" || !kinds.contains(&kind) {
        return None;
    }
    match kind {
        "f8" => each(&bytes, f64::from_le_bytes),
        "f4" => each(&bytes, |bytes| f32::from_le_bytes(bytes).into()),
        "i8" => each(&bytes, |bytes| i64::from_le_bytes(bytes) as f64),
        _ => None,
    }
}

fn each<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Option<Vec<f64>> {
    let (values, rest) = bytes.as_chunks();
    rest.is_empty()
        .then(|| values.iter().map(|&bytes| number(bytes)).collect())
}

/// Bytes, or the text of bytes in Latin-1, where each character is one.
fn bytes_of<G: NumpyGlobal>(document: &Document<'_, G>, id: Id) -> Option<Vec<u8>> {
    match document.node(id) {
        Node::Bytes(bytes) => Some(bytes.to_vec()),
        Node::Object(call) if call.callable.numpy() == Some(Global::Encode) => {
            let &[text, codec] = document.tuple(call.arguments)? else {
                return None;
            };
            if document.text(codec)? != "latin1" {
                return None;
            }
            let text = document.text(text)?;
            text.chars()
                .map(|letter| u8::try_from(letter).ok())
                .collect()
        }
        _ => None,
    }
}
