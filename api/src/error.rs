//! Why the API could not start.

use std::net::SocketAddr;

use tars_shared::store;

/// Why the API could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// Where it should listen.
        address: SocketAddr,
        /// What the system said.
        reason: std::io::Error,
    },
    /// A secret is missing or no good.
    #[error("{0}")]
    Secret(String),
    /// The store cannot say whether there is an administrator.
    #[error(transparent)]
    Store(#[from] store::Error),
}
