//! What `api` and `worker` agree on: the job model, the wire message, the ports (store, queue,
//! cache, clock) and their adapters.
//!
//! No driver type crosses a port. An adapter may be swapped for another that passes the same suite
//! of `conformance`.
#![warn(missing_docs)]
#![expect(
    clippy::duplicate_mod,
    reason = "one SQL text is compiled against each database's driver: docs/adr/0005"
)]

pub mod account;
pub mod agent;
pub mod artifact;
pub mod backends;
pub mod baseline;
pub mod cache;
pub mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod dead_letter;
pub mod job;
pub mod limiter;
pub mod line;
pub mod loaded_agent;
pub mod metrics;
pub mod mode;
pub mod pause;
pub mod queue;
pub mod redis;
pub mod replay;
pub mod request;
pub mod services;
pub mod store;
pub mod submission;
pub mod webhook;
