//! What a queue promises: at least once, in order within a priority, urgent first, delivered again when
//! a consumer goes, and never given up in silence.

mod giving_up;
mod taking;

use crate::agent::{Base64, Blob};
use crate::clock::{Clock, System};
use crate::conformance::samples::{submission, with_priority};
use crate::queue::{Queue, RetryTier};
use crate::request::Priority;

use self::taking::next;
pub use giving_up::gives_up_in_the_open;

/// Calls a macro with the name of every check, so that no adapter can leave one out.
#[macro_export]
macro_rules! every_queue_check {
    ($each:ident) => {
        $each!(
            a_busy_consumer_holds_nothing_else,
            consumers_share,
            delays_retries,
            delivers_in_order,
            gives_up_in_the_open,
            large_messages_arrive_whole,
            redelivers_when_a_consumer_goes,
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
            &delivery.submission, message,
            "messages arrive whole and in order"
        );
        assert!(
            consumer.ack().await.expect("acknowledged"),
            "the delivery was ours"
        );
    }
    assert!(
        !consumer.ack().await.expect("an answer"),
        "without a delivery there is nothing to acknowledge"
    );
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
        Priority::ALL.map(|priority| (priority, 1)),
        "each message waits in its own priority"
    );
    let mut consumer = queue.consume().await.expect("a consumer");
    for priority in Priority::ALL {
        assert_eq!(
            next(&mut *consumer)
                .await
                .submission
                .request
                .parameters
                .priority,
            priority,
            "urgent ones first"
        );
        consumer.ack().await.expect("acknowledged");
    }
}

/// Checks that a delivery survives its consumer, and that one consumer never holds two.
///
/// # Panics
/// When a promise is broken.
pub async fn redelivers_when_a_consumer_goes(queue: &dyn Queue) {
    let message = submission(&System);
    queue.publish(&message).await.expect("published");
    let mut first = queue.consume().await.expect("a consumer");
    let delivered = next(&mut *first).await;
    assert_eq!(delivered.submission.job_id, message.job_id);
    drop(first);

    let mut second = queue.consume().await.expect("a consumer");
    let again = next(&mut *second).await;
    assert_eq!(
        again.submission, message,
        "what a consumer held goes to another when it goes"
    );
    assert_eq!(
        again.message_id, delivered.message_id,
        "it is the same message"
    );

    assert!(
        second.requeue().await.expect("requeued"),
        "the delivery was ours"
    );
    assert!(
        !second.requeue().await.expect("an answer"),
        "it can be requeued once"
    );
    let mut third = queue.consume().await.expect("a consumer");
    assert_eq!(
        next(&mut *third).await.message_id,
        delivered.message_id,
        "what was requeued is delivered again"
    );
    assert!(third.ack().await.expect("acknowledged"));
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
    first.ack().await.expect("acknowledged");
    second.ack().await.expect("acknowledged");
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
    assert_eq!(
        next(&mut *consumer).await.submission,
        now,
        "a delayed message lets others pass"
    );
    consumer.ack().await.expect("acknowledged");
    assert_eq!(
        next(&mut *consumer).await.submission,
        later,
        "a delayed message arrives"
    );
    consumer.ack().await.expect("acknowledged");
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
    assert!(
        next(&mut *consumer).await.submission == large,
        "every byte arrives"
    );
    consumer.ack().await.expect("acknowledged");
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
            seen.push(next(&mut *idle).await.message_id);
            assert!(idle.ack().await.expect("acknowledged"));
        }
        seen.dedup();
        assert_eq!(seen.len(), 3, "the others get everything else");
        assert!(
            busy.ack().await.expect("acknowledged"),
            "what it works on stays its own"
        );
    }
}
