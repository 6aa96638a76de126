//! How large a policy file may be, at every level. A policy of 400-300 takes a tenth of these
//! bounds.

/// Bytes of a policy file. Most of a large save is critics and optimizers, which are skipped; a
/// service sets a lower limit of its own.
pub const MAX_FILE_BYTES: usize = 128 << 20;
/// Bytes that one zip archive may unpack to, over all entries that are read.
pub(super) const MAX_UNPACKED_BYTES: u64 = 32 << 20;
/// Entries of one zip archive.
pub(super) const MAX_ENTRIES: usize = 512;
/// Bytes of a pickle. Weights lie beside it, not in it.
pub(super) const MAX_PICKLE_BYTES: usize = 1 << 20;
/// Opcodes of a pickle; each makes at most one node of the document.
pub(super) const MAX_PICKLE_OPERATIONS: usize = 100_000;
/// Marks that are open at a time, which is how deep literal containers nest.
pub(super) const MAX_PICKLE_DEPTH: usize = 64;
/// Memo slots of a pickle.
pub(super) const MAX_PICKLE_MEMO: u32 = 1 << 16;
/// Dense layers of a network.
pub(super) const MAX_LAYERS: usize = 32;
/// Inputs or outputs of one dense layer.
pub(super) const MAX_WIDTH: usize = 8_192;
/// Weights and biases of a network.
pub(super) const MAX_PARAMETERS: usize = 4 << 20;
/// Storages of a torch file from before 1.6.
pub(super) const MAX_STORAGES: usize = 512;
