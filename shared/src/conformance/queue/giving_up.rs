//! What becomes of a message that nobody acknowledges.

use super::taking::next;
use crate::clock::System;
use crate::conformance::samples::submission;
use crate::queue::Queue;
use crate::submission::Submission;

/// Checks that a message that is requeued again and again stays, or goes to the consumer of dead
/// messages.
///
/// # Panics
/// When a promise is broken.
pub async fn gives_up_in_the_open(queue: &dyn Queue) {
    const ROUNDS: usize = 150;
    let message = submission(&System);
    queue.publish(&message).await.expect("published");
    let mut consumer = queue.consume().await.expect("a consumer");
    let mut delivery = next(&mut *consumer).await;
    let id = delivery.message_id;
    let Some(mut dead) = queue.consume_dead().await.expect("an answer") else {
        for _ in 0..ROUNDS {
            assert!(delivery.requeue().await.expect("requeued"));
            delivery = next(&mut *consumer).await;
            assert_eq!(
                delivery.message_id, id,
                "a queue that never gives up keeps it"
            );
        }
        return;
    };
    let mut rounds = 0;
    let given_up = loop {
        assert!(delivery.requeue().await.expect("requeued"));
        tokio::select! {
            biased;
            again = next(&mut *consumer) => delivery = again,
            given_up = dead.next() => break given_up.expect("a dead message"),
        }
        assert_eq!(delivery.message_id, id);
        rounds += 1;
        assert!(rounds < ROUNDS, "a message is not requeued for ever");
    };
    assert_eq!(
        (given_up.message_id, given_up.submission.as_ref()),
        (id, Ok(&message)),
        "it is handed over whole"
    );
    assert_eq!(
        serde_json::from_slice::<Submission>(&given_up.body).ok(),
        Some(message),
        "with its bytes"
    );
    assert!(
        !given_up.reason.is_empty() && given_up.reason != "unknown",
        "and the reason: {}",
        given_up.reason
    );
    assert!(dead.ack().await.expect("acknowledged"));
    assert!(
        !dead.ack().await.expect("an answer"),
        "it can be acknowledged once"
    );
}
