//! Values that begin with a cache line.

/// In bytes. A register of AVX-512 fills it, and loads that straddle two lines take twice as long.
pub(super) const CACHE_LINE: usize = 64;
/// The part that begins with a cache line.
pub(super) fn aligned(values: &[f32]) -> &[f32] {
    let offset = values.as_ptr().align_offset(CACHE_LINE);
    &values[offset.min(CACHE_LINE / size_of::<f32>())..]
}

pub(super) fn aligned_mut(values: &mut [f32]) -> &mut [f32] {
    let offset = values.as_ptr().align_offset(CACHE_LINE);
    &mut values[offset.min(CACHE_LINE / size_of::<f32>())..]
}
