//! What a queue promises: at least once, in order within a line, the lines in turns, delivered again when
//! a consumer goes, and never given up in silence.

mod giving_up;
mod taking;
mod turns;

use crate::agent::{Base64, Blob};
use crate::clock::{Clock, System};
use crate::conformance::samples::{submission, with_priority};
use crate::line::Line;
use crate::queue::{Queue, RetryTier};
use crate::request::Priority;

use self::taking::next;
pub use giving_up::gives_up_in_the_open;
pub use turns::{no_priority_starves_another, no_submitter_starves_another};

/// Calls a macro with the name of every check, so that no adapter can leave one out.
#[macro_export]
macro_rules! every_queue_check {
    ($each:ident) => {
        $each!(
            a_busy_consumer_holds_nothing_else,
            a_prefetch_takes_in_advance_and_gives_back,
            consumers_share,
            delays_retries,
            delivers_in_order,
            gives_up_in_the_open,
            large_messages_arrive_whole,
            no_priority_starves_another,
            no_submitter_starves_another,
            redelivers_what_is_dropped,
            urgent_first,
        );
    };
}

/// Checks that what is published arrives whole, once, in order.
///
/// # Panics
/// When a promise is broken.
pub async fn delivers_in_order(queue: &dyn Queue) {
    let messages = [
        submission(&System),
        submission(&System),
        submission(&System),
    ];
    for message in &messages {
        queue.publish(message).await.expect("published");
    }
    let mut consumer = queue.consume().await.expect("a consumer");
    for message in &messages {
        let delivery = next(&mut *consumer).await;
        assert_eq!(
            &*delivery.submission, message,
            "messages arrive whole and in order"
        );
        assert!(
            delivery.ack().await.expect("acknowledged"),
            "the delivery was ours"
        );
    }
}

/// Checks that urgent messages overtake others.
///
/// # Panics
/// When a promise is broken.
pub async fn urgent_first(queue: &dyn Queue) {
    for priority in [Priority::Low, Priority::Normal, Priority::High] {
        queue
            .publish(&with_priority(&System, priority))
            .await
            .expect("published");
    }
    let depths = queue.depths().await.expect("depths");
    assert_eq!(
        depths,
        Line::all()
            .map(|line| (line, u64::from(line.lane.is_first())))
            .collect::<Vec<_>>(),
        "each message waits in its own line"
    );
    let mut consumer = queue.consume().await.expect("a consumer");
    for priority in Priority::ALL {
        let delivery = next(&mut *consumer).await;
        let parameters = &delivery.submission.request.parameters;
        assert_eq!(parameters.priority, priority, "urgent ones first");
        delivery.ack().await.expect("acknowledged");
    }
}

/// Checks that a delivery that nobody has settled goes to another consumer when it is dropped.
///
/// # Panics
/// When a promise is broken.
pub async fn redelivers_what_is_dropped(queue: &dyn Queue) {
    let message = submission(&System);
    queue.publish(&message).await.expect("published");
    let mut first = queue.consume().await.expect("a consumer");
    let delivered = next(&mut *first).await;
    let id = delivered.message_id;
    assert_eq!(delivered.submission.job_id, message.job_id);
    drop(first);

    let mut second = queue.consume().await.expect("a consumer");
    let other = submission(&System);
    queue.publish(&other).await.expect("published");
    let beside = next(&mut *second).await;
    assert_eq!(
        *beside.submission, other,
        "it outlives the consumer that gave it out"
    );
    beside.ack().await.expect("acknowledged");
    drop(delivered);
    let again = next(&mut *second).await;
    assert_eq!(*again.submission, message, "dropped, it goes to another");
    assert_eq!(again.message_id, id, "it is the same message");

    assert!(
        again.requeue().await.expect("requeued"),
        "the delivery was ours"
    );
    let mut third = queue.consume().await.expect("a consumer");
    let last = next(&mut *third).await;
    assert_eq!(last.message_id, id, "what was requeued is delivered again");
    assert!(last.ack().await.expect("acknowledged"));
}

/// Checks that with a prefetch nothing gets lost or comes twice: what is there comes in turns, and
/// what was taken in advance goes back when the prefetch or the consumer ends.
///
/// # Panics
/// When a promise is broken.
pub async fn a_prefetch_takes_in_advance_and_gives_back(queue: &dyn Queue) {
    let mut published = Vec::new();
    for _ in 0..4 {
        for priority in [Priority::Low, Priority::Normal, Priority::High] {
            let message = with_priority(&System, priority);
            queue.publish(&message).await.expect("published");
            published.push(message.job_id);
        }
    }
    let mut eager = queue.consume().await.expect("a consumer");
    eager.prefetch(10).await.expect("taken in advance");
    let mut order = Vec::new();
    let mut held = Vec::new();
    for _ in 0..5 {
        let delivery = next(&mut *eager).await;
        order.push(delivery.submission.request.parameters.priority);
        held.push(delivery);
    }
    let (high, normal) = (Priority::High, Priority::Normal);
    assert_eq!(order, [high, high, normal, high, high], "in turns");

    // Without a prefetch the others go to whoever asks.
    eager.prefetch(0).await.expect("given back");
    let mut other = queue.consume().await.expect("a consumer");
    let mut seen = Vec::new();
    for _ in 0..2 {
        let delivery = next(&mut *other).await;
        seen.push(delivery.submission.job_id);
        delivery.ack().await.expect("acknowledged");
    }
    // And so they do when the consumer goes.
    eager.prefetch(10).await.expect("taken in advance");
    held.push(next(&mut *eager).await);
    drop(eager);
    for _ in 0..4 {
        let delivery = next(&mut *other).await;
        seen.push(delivery.submission.job_id);
        delivery.ack().await.expect("acknowledged");
    }
    for delivery in held {
        seen.push(delivery.submission.job_id);
        assert!(
            delivery.ack().await.expect("acknowledged"),
            "what was given out stays in its hands"
        );
    }
    seen.sort_unstable();
    published.sort_unstable();
    assert_eq!(seen, published, "each comes once");
}

/// Checks that two waiting consumers share what comes.
///
/// # Panics
/// When a promise is broken.
pub async fn consumers_share(queue: &dyn Queue) {
    let mut first = queue.consume().await.expect("a consumer");
    let mut second = queue.consume().await.expect("a consumer");
    let (one, two) = tokio::join!(
        async {
            // The first delivery stays unacknowledged: the second message must reach the second
            // consumer.
            next(&mut *first).await
        },
        async {
            for _ in 0..2 {
                queue
                    .publish(&submission(&System))
                    .await
                    .expect("published");
            }
            next(&mut *second).await
        },
    );
    assert_ne!(
        one.submission.job_id, two.submission.job_id,
        "each message goes to one consumer"
    );
    assert_ne!(
        one.message_id, two.message_id,
        "each message has an id of its own"
    );
    one.ack().await.expect("acknowledged");
    two.ack().await.expect("acknowledged");
}

/// Checks that a delayed message arrives, and not early.
///
/// # Panics
/// When a promise is broken.
pub async fn delays_retries(queue: &dyn Queue) {
    let clock = System;
    let (later, now) = (submission(&clock), submission(&clock));
    let published = clock.now();
    queue
        .publish_later(&later, RetryTier::Second)
        .await
        .expect("published");
    queue.publish(&now).await.expect("published");
    let mut consumer = queue.consume().await.expect("a consumer");
    let first = next(&mut *consumer).await;
    assert_eq!(*first.submission, now, "a delayed message lets others pass");
    first.ack().await.expect("acknowledged");
    let second = next(&mut *consumer).await;
    assert_eq!(*second.submission, later, "a delayed message arrives");
    second.ack().await.expect("acknowledged");
    let waited = (clock.now() - published).to_std().unwrap_or_default();
    assert!(
        waited >= RetryTier::Second.delay(),
        "it arrived after {waited:?}"
    );
}

/// Checks that the largest message there is arrives as it was sent.
///
/// # Panics
/// When a promise is broken.
pub async fn large_messages_arrive_whole(queue: &dyn Queue) {
    let mut large = submission(&System);
    let policy = (0..256 * 1024_u32)
        .map(|byte| byte.to_le_bytes()[0])
        .collect();
    large.request.agent_state.policy = Blob::Inline(Base64(policy));
    queue.publish(&large).await.expect("published");
    let mut consumer = queue.consume().await.expect("a consumer");
    let delivery = next(&mut *consumer).await;
    assert!(*delivery.submission == large, "every byte arrives");
    delivery.ack().await.expect("acknowledged");
}

/// Checks that a consumer at work keeps nothing from the others, whether it found its delivery or
/// was waiting for it.
///
/// # Panics
/// When a promise is broken.
pub async fn a_busy_consumer_holds_nothing_else(queue: &dyn Queue) {
    for waits in [false, true] {
        let (mut busy, mut idle) = (
            queue.consume().await.expect("a consumer"),
            queue.consume().await.expect("a consumer"),
        );
        let publish = async {
            for priority in Priority::ALL {
                queue
                    .publish(&with_priority(&System, priority))
                    .await
                    .expect("published");
            }
        };
        let first = if waits {
            tokio::join!(next(&mut *busy), publish).0
        } else {
            publish.await;
            next(&mut *busy).await
        };
        let mut seen = vec![first.message_id];
        for _ in 0..2 {
            let delivery = next(&mut *idle).await;
            seen.push(delivery.message_id);
            assert!(delivery.ack().await.expect("acknowledged"));
        }
        seen.dedup();
        assert_eq!(seen.len(), 3, "the others get everything else");
        assert!(
            first.ack().await.expect("acknowledged"),
            "what it works on stays its own"
        );
    }
}
