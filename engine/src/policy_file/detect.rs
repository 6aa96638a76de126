//! Which format a file has, from its bytes.

use super::error::Error;
use super::format::Format;
use super::torch;
use crate::quote::quote;

/// The format that a file's first bytes indicate; only reading it shows whether it is valid. What
/// people give by mistake is named in the error.
pub fn detect(bytes: &[u8]) -> Result<Format, Error> {
    if torch::is_torch(bytes) {
        return Ok(Format::Torch);
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return Ok(Format::Sb3Zip);
    }
    // safetensors: the header's length as a little-endian u64, then the header, a JSON object.
    if let Some((length, header)) = bytes.split_first_chunk()
        && header.first() == Some(&b'{')
        && u64::from_le_bytes(*length) <= header.len() as u64
    {
        return Ok(Format::Safetensors);
    }
    if bytes.trim_ascii_start().starts_with(b"{") {
        return Ok(Format::MlpJson);
    }
    Err(Error::NoPolicy(mistaken(bytes)))
}

/// What a file is that is no policy.
fn mistaken(bytes: &[u8]) -> String {
    let known: [(&[u8], &str); 4] = [
        (
            b"version https://git-lfs.github.com/",
            "a pointer of Git LFS, and the policy itself is elsewhere: run `git lfs pull`",
        ),
        (b"\x89HDF", "an HDF5 file, as Keras writes weights"),
        (
            b"\x80",
            "a pickle; if it is a VecNormalize, it goes beside the policy",
        ),
        (
            b"\x1f\x8b",
            "a file compressed by gzip, to be unpacked first",
        ),
    ];
    if bytes.is_empty() {
        return "an empty file".to_owned();
    }
    if let Some((_, what)) = known.iter().find(|(start, _)| bytes.starts_with(start)) {
        return (*what).to_owned();
    }
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(16)]);
    format!("something that begins with {}", quote(&start))
}
