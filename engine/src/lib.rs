//! The evaluation domain of T.A.R.S.: environments, policies, rollouts, metrics and verdicts.
//!
//! Everything here is a pure function of its arguments. There is no I/O, no async, no clock and no
//! ambient randomness, so the same request gives the same bytes on any machine, batch size and
//! thread count.
#![warn(missing_docs)]

pub mod catalogue;
pub mod environment;
pub mod episode;
pub mod integer;
pub mod lanes;
pub mod metrics;
mod names;
pub mod policy;
pub mod policy_file;
mod quote;
pub mod regression;
pub mod returns_file;
pub mod rollout;
pub mod seeding;
pub mod space;
pub mod statistics;

/// Stands for the bytes that an evaluation gives: the release, and a number that is raised when they
/// change within one.
pub const RESULTS: &str = concat!(env!("CARGO_PKG_VERSION"), "+1");
