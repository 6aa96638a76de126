//! The types of tensors' elements, and how they become f32.

use std::ops::Range;

/// The type of a storage's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy_file) enum Element {
    Float32,
    Float64,
    Float16,
    BFloat16,
    /// A type that no weight has, with its name and size in bytes.
    Other(&'static str, usize),
}

impl Element {
    /// The element of `torch.FloatStorage` and the like.
    pub(super) fn of_storage_class(name: &str) -> Option<Self> {
        match name {
            "FloatStorage" => Some(Self::Float32),
            "DoubleStorage" => Some(Self::Float64),
            "HalfStorage" => Some(Self::Float16),
            "BFloat16Storage" => Some(Self::BFloat16),
            // Not usable as weights, but counters of batch normalisation have such types.
            "LongStorage" => Some(Self::Other("int64", 8)),
            "IntStorage" => Some(Self::Other("int32", 4)),
            "ShortStorage" => Some(Self::Other("int16", 2)),
            "CharStorage" => Some(Self::Other("int8", 1)),
            "ByteStorage" => Some(Self::Other("uint8", 1)),
            "BoolStorage" => Some(Self::Other("bool", 1)),
            _ => None,
        }
    }

    /// Bytes per element.
    pub(super) fn size(self) -> usize {
        match self {
            Self::Float32 => 4,
            Self::Float64 => 8,
            Self::Float16 | Self::BFloat16 => 2,
            Self::Other(_, size) => size,
        }
    }

    /// Elements of a storage as f32, rounded to the nearest as torch does when SB3 loads them into
    /// its f32 networks.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding is what torch does"
    )]
    pub(in crate::policy_file) fn decode(
        self,
        storage: &[u8],
        elements: usize,
        range: Range<usize>,
    ) -> Result<Vec<f32>, String> {
        if let Self::Other(name, _) = self {
            return Err(format!("is {name}: weights are floating-point numbers"));
        }
        if Some(storage.len()) != elements.checked_mul(self.size()) {
            return Err(format!(
                "refers to a storage of {elements} values of {} bytes that has {} bytes",
                self.size(),
                storage.len()
            ));
        }
        Ok(match self {
            Self::Float64 => map(storage, range, |bytes| f64::from_le_bytes(bytes) as f32),
            Self::Float16 => map(storage, range, |bytes| {
                half::f16::from_le_bytes(bytes).into()
            }),
            Self::BFloat16 => map(storage, range, |bytes| {
                half::bf16::from_le_bytes(bytes).into()
            }),
            Self::Float32 | Self::Other(..) => map(storage, range, f32::from_le_bytes),
        })
    }
}

/// The range lies within the storage.
fn map<const N: usize>(
    storage: &[u8],
    range: Range<usize>,
    number: impl Fn([u8; N]) -> f32,
) -> Vec<f32> {
    let (values, _) = storage.as_chunks();
    values[range].iter().map(|&bytes| number(bytes)).collect()
}
