//! The suites that every adapter passes: what a port promises is tested here or not promised.
//!
//! A suite is a list of named checks. Each gets a fresh, empty adapter from the caller, and an
//! adapter's own test is a handful of lines.
#![expect(
    clippy::unwrap_used,
    reason = "a broken promise is a panic with its place: that is what a suite is for"
)]

pub mod cache;
pub mod clock;
pub mod limiter;
pub mod queue;
pub mod samples;
pub mod store;
