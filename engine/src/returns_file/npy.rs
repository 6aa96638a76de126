//! NumPy's array files: a magic number, a version, the text of a dictionary, the numbers.
//!
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>

/// More than any training run evaluates.
const MAX_VALUES: usize = 1 << 22;

/// An array of numbers, row by row.
pub(super) struct Array {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f64>,
}

/// Reads a file of numbers. Arrays of objects are pickles, which are not read.
pub(super) fn read(bytes: &[u8]) -> Result<Array, String> {
    let (header, data) = header(bytes).ok_or("is no array of NumPy")?;
    let field = |name: &str| {
        let (_, rest) = header.split_once(&format!("'{name}':"))?;
        Some(rest.trim_start())
    };
    let kind = field("descr").and_then(|rest| rest.strip_prefix('\'')?.split_once('\''));
    let (kind, _) = kind.ok_or("has no single type of elements")?;
    if !field("fortran_order").is_some_and(|rest| rest.starts_with("False")) {
        return Err("is not stored row by row".to_owned());
    }
    let shape = field("shape").and_then(|rest| rest.strip_prefix('(')?.split_once(')'));
    let (shape, _) = shape.ok_or("has no shape")?;
    let lengths = shape
        .split(',')
        .map(str::trim)
        .filter(|length| !length.is_empty());
    let shape: Result<Vec<usize>, _> = lengths.map(str::parse).collect();
    let shape = shape.map_err(|_| "has no shape")?;
    let product = shape
        .iter()
        .try_fold(1_usize, |product, &length| product.checked_mul(length));
    let count = product
        .filter(|&count| count <= MAX_VALUES)
        .ok_or("is too large")?;
    let values = match kind {
        "<f8" => each(data, f64::from_le_bytes),
        "<f4" => each(data, |bytes| f32::from_le_bytes(bytes).into()),
        "<i8" => each(data, |bytes| i64::from_le_bytes(bytes) as f64),
        "<i4" => each(data, |bytes| i32::from_le_bytes(bytes).into()),
        _ => {
            return Err(format!(
                "has elements of the type {kind:?}, and numbers are wanted"
            ));
        }
    };
    if values.len() != count {
        return Err(format!(
            "has {} values for the shape {shape:?}",
            values.len()
        ));
    }
    Ok(Array { shape, values })
}

/// The dictionary's text, and what follows it.
fn header(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(b"\x93NUMPY")?;
    let (&[major, _minor], rest) = rest.split_first_chunk()?;
    let (length, rest) = if major == 1 {
        let (length, rest) = rest.split_first_chunk()?;
        (usize::from(u16::from_le_bytes(*length)), rest)
    } else {
        let (length, rest) = rest.split_first_chunk()?;
        (usize::try_from(u32::from_le_bytes(*length)).ok()?, rest)
    };
    let (header, data) = rest.split_at_checked(length)?;
    Some((str::from_utf8(header).ok()?, data))
}

fn each<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    let (values, _) = bytes.as_chunks();
    values.iter().map(|&bytes| number(bytes)).collect()
}
