//! Whose turn it is among what waits: the priorities by weight, the lanes of each one after the
//! other.

use crate::line::{LANES, Lane, Line};
use crate::request::Priority;

/// Of sixteen deliveries, while all three priorities wait: nearly all are urgent ones, and the
/// others always move. A priority that is empty leaves its turns to the others.
pub(super) const WEIGHTS: [i32; 3] = [12, 3, 1];

/// Smooth weighted round robin (as nginx does it) over priorities, round robin over lanes. The order
/// follows from what waits alone, so it is the same in every queue.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// What each priority has gained, and not spent.
    credit: [i32; 3],
    /// The lane of each priority that is asked first.
    first: [usize; 3],
}

/// Whose turn it would be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    pub(super) line: Line,
    /// The credits when it is taken.
    credit: [i32; 3],
}

impl Turns {
    /// Whose turn it is among the lines that wait. Nothing changes until it is taken.
    pub(super) fn next(&self, waits: impl Fn(Line) -> bool) -> Option<Turn> {
        let waiting = Priority::ALL.map(|priority| self.lane(priority, &waits));
        let mut credit = [0; 3];
        let mut gained = 0;
        for rank in (0..waiting.len()).filter(|rank| waiting[*rank].is_some()) {
            credit[rank] = self.credit[rank] + WEIGHTS[rank];
            gained += WEIGHTS[rank];
        }
        // The most urgent of equals is the last one here, which is the one that `max_by_key` gives.
        let lines = waiting.into_iter().flatten().rev();
        let line = lines.max_by_key(|line| credit[line.priority as usize])?;
        credit[line.priority as usize] -= gained;
        Some(Turn { line, credit })
    }

    /// The turn was taken.
    pub(super) fn take(&mut self, turn: Turn) {
        self.credit = turn.credit;
        self.first[turn.line.priority as usize] = turn.line.lane.index() + 1;
    }

    /// The next lane of a priority that waits.
    fn lane(&self, priority: Priority, waits: impl Fn(Line) -> bool) -> Option<Line> {
        let first = self.first[priority as usize];
        (first..first + LANES)
            .map(|index| Line {
                priority,
                lane: Lane::ALL[index % LANES],
            })
            .find(|line| waits(*line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order in which so many messages of each line are taken.
    fn order(waiting: &[(Priority, usize, usize)]) -> Vec<(Priority, usize)> {
        let mut left = [0; Line::COUNT];
        for &(priority, lane, messages) in waiting {
            let lane = Lane::ALL[lane];
            left[Line { priority, lane }.index()] = messages;
        }
        let mut turns = Turns::default();
        let mut order = Vec::new();
        while let Some(turn) = turns.next(|line| left[line.index()] > 0) {
            turns.take(turn);
            left[turn.line.index()] -= 1;
            order.push((turn.line.priority, turn.line.lane.index()));
        }
        order
    }

    fn count(order: &[(Priority, usize)], priority: Priority) -> usize {
        order.iter().filter(|(one, _)| *one == priority).count()
    }

    #[test]
    fn of_sixteen_turns_twelve_are_urgent_and_one_is_low() {
        let (high, normal, low) = (Priority::High, Priority::Normal, Priority::Low);
        let order = order(&[(high, 0, 120), (normal, 0, 120), (low, 0, 120)]);
        for sixteen in order[..160].chunks(16) {
            let counts = Priority::ALL.map(|priority| count(sixteen, priority));
            assert_eq!(counts, [12, 3, 1]);
        }
        assert_eq!(order[0].0, high, "the most urgent first");
        assert_eq!(order.len(), 360, "nothing is passed over");
    }

    #[test]
    fn an_empty_priority_leaves_its_turns_to_the_others() {
        let (normal, low) = (Priority::Normal, Priority::Low);
        let order = order(&[(normal, 0, 30), (low, 0, 30)]);
        assert_eq!(count(&order[..40], normal), 30);
        assert_eq!(count(&order[..40], low), 10);
        assert!(order[40..].iter().all(|(priority, _)| *priority == low));
    }

    #[test]
    fn a_long_lane_waits_for_the_others_after_each_of_its_messages() {
        let normal = Priority::Normal;
        let order = order(&[(normal, 0, 10_000), (normal, 1, 1), (normal, 3, 2)]);
        let lanes: Vec<_> = order[..6].iter().map(|(_, lane)| *lane).collect();
        assert_eq!(lanes, [0, 1, 3, 0, 3, 0]);
    }

    #[test]
    fn a_turn_that_is_not_taken_costs_nothing() {
        let turns = Turns::default();
        let waits = |line: Line| line.priority != Priority::Low;
        for _ in 0..20 {
            let turn = turns.next(waits).unwrap();
            assert_eq!(turn.line.priority, Priority::High);
        }
        assert!(turns.next(|_| false).is_none());
    }
}
