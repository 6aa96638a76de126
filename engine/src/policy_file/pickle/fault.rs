//! What the pickle machine refuses.

use crate::policy_file::limits::{MAX_PICKLE_DEPTH, MAX_PICKLE_MEMO, MAX_PICKLE_OPERATIONS};
use crate::quote::quote;

/// Why a pickle was refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("it ends in the middle of the pickle")]
    Truncated,
    #[error("there are bytes behind the end of the pickle")]
    TrailingBytes,
    #[error("it does not start as a pickle of protocol 2 to 5")]
    Protocol,
    #[error("opcode {0:#04x} has no place in a policy file")]
    Opcode(u8),
    #[error(
        "it names {}.{}, which no policy needs; nothing was executed", quote(.module), quote(.name)
    )]
    Global { module: String, name: String },
    #[error("it calls something that is not a class or function")]
    Callable,
    #[error("an opcode finds nothing, or the wrong thing, on the stack")]
    Stack,
    #[error("text is not UTF-8")]
    Utf8,
    #[error("memo slot {0} was never written")]
    MemoUnknown(u32),
    #[error("memo slot {0} is beyond the limit of {MAX_PICKLE_MEMO}")]
    MemoLimit(u32),
    #[error("it nests deeper than {MAX_PICKLE_DEPTH} levels")]
    Depth,
    #[error("it has more than {MAX_PICKLE_OPERATIONS} opcodes")]
    Operations,
}
