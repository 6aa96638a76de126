//! The HTTP client of the service. It is bounded in time, and repeats a request where a repetition
//! is safe.
//!
//! It knows no other crate of the workspace: what a document holds is for its callers to say.
#![warn(missing_docs)]

mod address;
mod answer;
mod client;
mod error;
mod events;
mod follow;
mod paged;
mod token;

pub use address::{Address, InvalidAddress};
pub use answer::Answer;
pub use client::Client;
pub use error::{Error, Problem};
pub use follow::{Observer, follow, follow_replay};
pub use paged::{Paged, pages};
pub use token::InvalidToken;
