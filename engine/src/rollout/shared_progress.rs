//! The progress of all threads of a rollout. Here they also learn that it is to stop.

use std::sync::{Mutex, PoisonError};

use super::error::Error;
use super::progress::{Progress, Watch};

pub(super) struct SharedProgress<'a> {
    state: Mutex<State>,
    watch: &'a Watch<'a>,
}

struct State {
    progress: Progress,
    stopped: bool,
}

impl<'a> SharedProgress<'a> {
    pub(super) fn new(episodes_total: u32, watch: &'a Watch<'a>) -> Self {
        let progress = Progress {
            episodes_done: 0,
            episodes_total,
            steps: 0,
        };
        Self {
            state: Mutex::new(State {
                progress,
                stopped: false,
            }),
            watch,
        }
    }

    /// Adds what one thread did since it last reported, and asks whether to go on.
    ///
    /// The watcher is called under the lock: reports then come one at a time and only ever grow.
    pub(super) fn report(&self, episodes: u32, steps: u64) -> Result<(), Error> {
        // A thread that panicked leaves numbers behind that are still right, and its panic ends the
        // rollout anyway.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.progress.episodes_done += episodes;
        state.progress.steps += steps;
        if !state.stopped {
            state.stopped = (self.watch)(state.progress).is_break();
        }
        if state.stopped {
            Err(Error::Stopped)
        } else {
            Ok(())
        }
    }

    /// Lets the other threads end at their next report.
    pub(super) fn stop(&self) {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .stopped = true;
    }
}
