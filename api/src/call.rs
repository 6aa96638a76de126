//! An authorized request, as handlers see it.

use std::sync::Arc;

use crate::auth::caller::Caller;
use crate::context::Context;
use crate::query::Values;

/// An authorized request without its body. The gateway puts it into the request's extensions.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) context: Arc<Context>,
    pub(crate) caller: Caller,
    /// The values of its parameters. They fit what its endpoint says of them.
    pub(crate) values: Values,
}
