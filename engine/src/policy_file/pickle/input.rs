//! The bytes of a pickle, read from front to back.

use super::fault::Fault;

/// A cursor over the bytes; every read is checked against the end.
#[derive(Debug)]
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let rest = &self.bytes[self.offset..];
        let taken = rest.get(..count).ok_or(Fault::Truncated)?;
        self.offset += count;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Fault> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// Bytes behind a length of `N` little-endian bytes.
    pub(super) fn counted<const N: usize>(&mut self) -> Result<&'a [u8], Fault> {
        let mut length = [0; 8];
        length[..N].copy_from_slice(self.take(N)?);
        let length = usize::try_from(u64::from_le_bytes(length)).map_err(|_| Fault::Truncated)?;
        self.take(length)
    }

    /// Text behind a length of `N` little-endian bytes.
    pub(super) fn text<const N: usize>(&mut self) -> Result<&'a str, Fault> {
        str::from_utf8(self.counted::<N>()?).map_err(|_| Fault::Utf8)
    }

    /// Text up to a newline, which is consumed.
    pub(super) fn line(&mut self) -> Result<&'a str, Fault> {
        let rest = &self.bytes[self.offset..];
        let end = rest
            .iter()
            .position(|&byte| byte == b'\n')
            .ok_or(Fault::Truncated)?;
        self.offset += end + 1;
        str::from_utf8(&rest[..end]).map_err(|_| Fault::Utf8)
    }
}
