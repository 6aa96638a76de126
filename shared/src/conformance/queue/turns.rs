//! Whose turn it is while several lines wait.

use super::taking::next;
use crate::clock::System;
use crate::conformance::samples::{in_line, with_priority};
use crate::line::{Lane, Line};
use crate::queue::{Consumer, Queue};
use crate::request::Priority;

/// More than are taken here, and few enough for every queue.
const BACKLOG: usize = 40;

async fn publish(queue: &dyn Queue, line: Line, messages: usize) {
    for _ in 0..messages {
        let message = in_line(&System, line);
        queue.publish(&message).await.expect("published");
    }
}

/// The lines of the next deliveries.
async fn lines(consumer: &mut dyn Consumer, deliveries: usize) -> Vec<Line> {
    let mut lines = Vec::with_capacity(deliveries);
    for _ in 0..deliveries {
        let delivery = next(consumer).await;
        lines.push(delivery.submission.line());
        delivery.ack().await.expect("acknowledged");
    }
    lines
}

/// Checks that of sixteen deliveries twelve are urgent ones while all priorities wait, and that the
/// others always move.
///
/// # Panics
/// When a promise is broken.
pub async fn no_priority_starves_another(queue: &dyn Queue) {
    for _ in 0..BACKLOG {
        for priority in Priority::ALL {
            let message = with_priority(&System, priority);
            queue.publish(&message).await.expect("published");
        }
    }
    let mut consumer = queue.consume().await.expect("a consumer");
    for sixteen in 0..3 {
        let taken = lines(&mut *consumer, 16).await;
        assert_eq!(
            Priority::ALL.map(|priority| taken
                .iter()
                .filter(|line| line.priority == priority)
                .count()),
            [12, 3, 1],
            "round {sixteen}: {taken:?}"
        );
    }
    let left = lines(&mut *consumer, 3 * (BACKLOG - 16)).await;
    assert_eq!(left.len(), 3 * (BACKLOG - 16), "all come");
}

/// Checks that a submitter whose lane is long keeps nobody waiting in another one, with a prefetch
/// and without.
///
/// # Panics
/// When a promise is broken.
pub async fn no_submitter_starves_another(queue: &dyn Queue) {
    let priority = Priority::Normal;
    let [long, short] = [0, 3].map(|lane| Line {
        priority,
        lane: Lane::ALL[lane],
    });
    let mut consumer = queue.consume().await.expect("a consumer");
    for prefetch in [0, 10] {
        publish(queue, long, BACKLOG).await;
        publish(queue, short, 2).await;
        consumer.prefetch(prefetch).await.expect("a prefetch");
        let taken = lines(&mut *consumer, BACKLOG + 2).await;
        let places: Vec<_> = (0..taken.len())
            .filter(|place| taken[*place] == short)
            .collect();
        assert!(
            places.len() == 2 && places[0] < 2 && places[1] < 4,
            "prefetch {prefetch}: both come at once: {places:?}"
        );
        consumer.prefetch(0).await.expect("none");
    }
}
