//! The port for wall time and fresh ids. Everything that depends on either takes a [`Clock`].

use std::fmt::Debug;
use std::sync::Mutex;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use uuid::Uuid;

/// Wall time and fresh ids.
pub trait Clock: Debug + Send + Sync {
    /// Now, in whole microseconds: the finest unit that every store keeps.
    fn now(&self) -> DateTime<Utc>;

    /// A new UUIDv7: unique, and ordered by the time of its making.
    fn new_id(&self) -> Uuid;
}

/// The system's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct System;

impl Clock for System {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the ambient clock"
    )]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that makes random ids"
    )]
    fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// A clock that stands still until it is moved, for tests of leases and expiry.
#[derive(Debug)]
pub struct Manual(Mutex<DateTime<Utc>>);

impl Manual {
    /// Starts at a fixed moment of 2026.
    pub fn new() -> Self {
        Self(Mutex::new(
            DateTime::from_timestamp(1_767_225_600, 0).unwrap_or_default(),
        ))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: TimeDelta) {
        *self.lock() += by;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, DateTime<Utc>> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Default for Manual {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for Manual {
    fn now(&self) -> DateTime<Utc> {
        *self.lock()
    }

    fn new_id(&self) -> Uuid {
        System.new_id()
    }
}
