//! Accounts from the command line, and what they do to a service that runs: the real binary, from
//! its first start on.

#[path = "accounts/bench.rs"]
mod bench;
#[path = "accounts/first_start.rs"]
mod first_start;
#[path = "accounts/keys.rs"]
mod keys;
#[path = "accounts/leaks.rs"]
mod leaks;
#[path = "accounts/production.rs"]
mod production;
#[path = "support/run.rs"]
mod run;
#[path = "support/service.rs"]
mod service;
#[path = "accounts/tokens.rs"]
mod tokens;
#[path = "accounts/users.rs"]
mod users;
