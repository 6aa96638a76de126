//! The suites that every adapter passes: what a port promises is tested here or not promised.
//!
//! A suite is a list of named checks. Each gets a fresh, empty adapter from the caller, and an adapter's own test is a
//! handful of lines.

pub mod cache;
pub mod clock;
pub mod queue;
pub mod samples;
pub mod store;
