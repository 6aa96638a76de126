//! Why a run should stop, as told to the thread that runs it.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

/// Why a run should stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stop {
    /// Its owner cancelled the job.
    Cancelled = 1,
    /// Another worker has the job.
    LeaseLost,
    /// An environment took too long.
    Timeout,
    /// The worker itself is being stopped.
    Shutdown,
    /// It was claimed in advance, and its turn here does not come soon enough.
    NotBegun,
}

/// What the thread that runs episodes and the tasks that watch it tell each other.
#[derive(Debug, Default)]
pub(crate) struct Run {
    episodes_done: AtomicU32,
    stop: AtomicU8,
}

impl Run {
    /// Notes progress.
    pub(crate) fn set_episodes_done(&self, episodes: u32) {
        self.episodes_done.store(episodes, Ordering::Relaxed);
    }

    /// Episodes finished so far.
    pub(crate) fn episodes_done(&self) -> u32 {
        self.episodes_done.load(Ordering::Relaxed)
    }

    /// Asks the run to stop. The first reason stays.
    pub(crate) fn stop(&self, reason: Stop) {
        let _ = self
            .stop
            .compare_exchange(0, reason as u8, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Why the run should stop, if it should.
    pub(crate) fn stopped(&self) -> Option<Stop> {
        let reasons = [
            Stop::Cancelled,
            Stop::LeaseLost,
            Stop::Timeout,
            Stop::Shutdown,
            Stop::NotBegun,
        ];
        let code = self.stop.load(Ordering::Relaxed);
        reasons.into_iter().find(|&reason| reason as u8 == code)
    }
}
