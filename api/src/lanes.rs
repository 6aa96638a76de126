//! Which lane a submitter's jobs wait in.
//!
//! Of a submitter's two lanes it is the one in which fewer jobs of the priority wait, and the same
//! one for as long as they go on submitting: whoever fills a lane goes on filling that one, and
//! leaves the other to those who share it. What waits is read once a second while jobs come, beside
//! them; without an answer it is the first lane.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tars_shared::line::{Lane, Line};
use tars_shared::queue::Queue;
use tars_shared::request::Priority;
use tokio::time::Instant;

/// How old what is known of the queue may be before it is read anew.
const MAX_AGE: Duration = Duration::from_secs(1);
/// Without a submission for so long a submitter may take the other lane.
const PAUSE: Duration = Duration::from_secs(5);
/// Submitters that are remembered, before those who pause are forgotten.
const CAPACITY: usize = 10_000;

/// The lanes of all submitters.
#[derive(Clone)]
pub(crate) struct Lanes {
    /// How many are used.
    count: usize,
    queue: Arc<dyn Queue>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    /// Messages that wait in each line.
    depths: [u64; Line::COUNT],
    /// When they were read last, or began to be.
    read_at: Option<Instant>,
    /// Where submitters last put a job of a priority, and when.
    chosen: HashMap<(String, Priority), (Lane, Instant)>,
}

impl std::fmt::Debug for Lanes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lanes").finish_non_exhaustive()
    }
}

impl Lanes {
    pub(crate) fn new(count: usize, queue: &Arc<dyn Queue>) -> Self {
        Self {
            count,
            queue: queue.clone(),
            state: Arc::new(Mutex::new(State {
                depths: [0; Line::COUNT],
                read_at: None,
                chosen: HashMap::new(),
            })),
        }
    }

    /// The lane of the next job of a submitter.
    pub(crate) fn choose(&self, subject: &str, priority: Priority) -> Lane {
        let pair = Lane::pair(subject, self.count);
        if pair[0] == pair[1] {
            return pair[0];
        }
        let now = Instant::now();
        let mut state = self.state();
        if state.read_at.is_none_or(|at| now - at >= MAX_AGE) {
            state.read_at = Some(now);
            let lanes = self.clone();
            tokio::spawn(async move { lanes.read().await });
        }
        state.choose(pair, subject, priority, now)
    }

    async fn read(&self) {
        // While the queue gives no answer, no line is known to be longer than another.
        let depths = self.queue.depths().await.unwrap_or_default();
        let mut state = self.state();
        state.depths = [0; Line::COUNT];
        for (line, depth) in depths {
            state.depths[line.index()] = depth;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every critical section leaves whole entries behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn choose(&mut self, pair: [Lane; 2], subject: &str, priority: Priority, now: Instant) -> Lane {
        let goes_on = |(_, at): &(Lane, Instant)| now - *at < PAUSE;
        if self.chosen.len() >= CAPACITY {
            self.chosen.retain(|_, chosen| goes_on(chosen));
        }
        let key = (subject.to_owned(), priority);
        let depth = |lane: &Lane| {
            let lane = *lane;
            self.depths[Line { priority, lane }.index()]
        };
        let lane = match self.chosen.get(&key).filter(|chosen| goes_on(chosen)) {
            Some((lane, _)) => *lane,
            // The first one of equals.
            None if depth(&pair[1]) < depth(&pair[0]) => pair[1],
            None => pair[0],
        };
        self.chosen.insert(key, (lane, now));
        lane
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIORITY: Priority = Priority::Normal;

    fn state() -> State {
        State {
            depths: [0; Line::COUNT],
            read_at: None,
            chosen: HashMap::new(),
        }
    }

    fn fill(state: &mut State, lane: Lane, depth: u64) {
        let priority = PRIORITY;
        state.depths[Line { priority, lane }.index()] = depth;
    }

    #[test]
    fn whoever_comes_to_a_long_lane_takes_their_other_one() {
        let (mut state, now) = (state(), Instant::now());
        let pair = [Lane::ALL[2], Lane::ALL[1]];
        assert_eq!(state.choose(pair, "before", PRIORITY, now), pair[0]);
        fill(&mut state, pair[0], 10_000);
        assert_eq!(state.choose(pair, "after", PRIORITY, now), pair[1]);
        assert_eq!(
            state.choose(pair, "after", Priority::High, now),
            pair[0],
            "nothing urgent waits there"
        );
    }

    #[test]
    fn whoever_fills_a_lane_goes_on_filling_it() {
        let (mut state, mut now) = (state(), Instant::now());
        let pair = [Lane::ALL[0], Lane::ALL[3]];
        for depth in [0, 100, 10_000] {
            fill(&mut state, pair[0], depth);
            now += PAUSE / 2;
            assert_eq!(state.choose(pair, "busy", PRIORITY, now), pair[0]);
        }
        assert_eq!(
            state.choose(pair, "busy", PRIORITY, now + PAUSE),
            pair[1],
            "after a pause they are like anybody else"
        );
    }
}
