//! The API on real embedded parts, over real sockets. No worker runs: what is accepted stays
//! queued.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

mod access;
mod artifacts;
mod bad_requests;
mod baselines_and_operations;
mod contract;
mod counted_cache;
mod dead_letters;
mod echoes;
mod edges;
mod ended_jobs;
mod evaluations;
mod flaky_store;
mod forge;
mod injection;
mod jobs;
mod limits;
mod open_jobs;
mod operators;
mod outages;
mod server;
mod sessions;
mod token_attacks;
mod waiting;
mod webhooks;
mod worked;
