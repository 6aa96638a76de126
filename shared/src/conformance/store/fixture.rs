//! What every check of a store gets.

use std::sync::Arc;

use crate::clock::Manual;
use crate::store::Store;

/// An empty store and the clock that it goes by.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// The store.
    pub store: Store,
    /// Its clock.
    pub clock: Arc<Manual>,
}
