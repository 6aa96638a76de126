//! Dead letters.

use bytes::Bytes;
use chrono::TimeDelta;
use uuid::Uuid;

use super::Fixture;
use super::leases::{claim, granted};
use crate::clock::Clock as _;
use crate::conformance::samples::submission;
use crate::dead_letter::DeadLetterFilter;
use crate::job::{FailureKind, Status};
use crate::queue::DeadMessage;
use crate::store::{Ending, Failed};

/// What failed is a dead letter with its reason; what did not is none.
///
/// # Panics
/// When a promise is broken.
pub async fn a_failed_job_is_a_dead_letter(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    // A reason may quote a file, and a file may hold anything.
    let reason = "no tensor named \"a\0b\"".to_owned();
    let failed = Ending::Failed(Failed { kind: FailureKind::InvalidPolicy, reason });
    let mut ids = Vec::new();
    for ending in [Ending::Completed(Vec::new()), failed.clone(), Ending::Cancelled, failed] {
        clock.advance(TimeDelta::seconds(1));
        let submission = submission(&*clock);
        let lease = granted(&claim(&store, &submission).await);
        assert!(store.leases.finish(lease, &ending).await.unwrap());
        ids.push(submission.job_id);
    }
    let letters = store.dead_letters.list(&DeadLetterFilter::default(), 10).await.unwrap();
    assert_eq!(letters.iter().map(|letter| letter.id).collect::<Vec<_>>(), [ids[3], ids[1]], "the newest first");
    assert_eq!(
        (letters[0].job_id, letters[0].kind, letters[0].at),
        (Some(ids[3]), FailureKind::InvalidPolicy, clock.now())
    );
    assert!(letters[0].reason.starts_with("no tensor named"), "{}", letters[0].reason);

    let before = Some((letters[0].at, letters[0].id));
    let rest = store.dead_letters.list(&DeadLetterFilter { before, ..DeadLetterFilter::default() }, 10).await.unwrap();
    assert_eq!(rest, letters[1..]);
    let timeouts = DeadLetterFilter { kind: Some(FailureKind::Timeout), ..DeadLetterFilter::default() };
    assert_eq!(store.dead_letters.list(&timeouts, 10).await.unwrap(), []);
    assert_eq!(store.dead_letters.find(ids[1]).await.unwrap().as_ref(), Some(&letters[1]));
    assert_eq!(store.dead_letters.find(ids[0]).await.unwrap(), None);
}

/// A message that the queue gave up on ends its job, unless the job is in better hands; one that cannot be read is kept.
///
/// # Panics
/// When a promise is broken.
pub async fn a_dead_message_is_buried_once(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let (unknown, running, ended) = (submission(&*clock), submission(&*clock), submission(&*clock));
    claim(&store, &running).await;
    let lease = granted(&claim(&store, &ended).await);
    store.leases.finish(lease, &Ending::Completed(Vec::new())).await.unwrap();
    for _ in 0..2 {
        for submission in [&unknown, &running, &ended] {
            let message = DeadMessage {
                message_id: clock.new_id(),
                body: Bytes::new(),
                submission: Ok(submission.clone()),
                reason: "delivery_limit".to_owned(),
            };
            store.dead_letters.bury(&message).await.unwrap();
        }
    }
    let job = store.jobs.find(unknown.job_id).await.unwrap().expect("it is recorded");
    assert_eq!((job.status, job.failures.len()), (Status::Failed, 1));
    assert_eq!(job.failures[0].kind, FailureKind::Undeliverable);
    assert_eq!(store.jobs.find(running.job_id).await.unwrap().unwrap().status, Status::Running, "a worker has it");
    assert_eq!(store.jobs.find(ended.job_id).await.unwrap().unwrap().status, Status::Completed);

    let garbage = DeadMessage {
        message_id: Uuid::from_u128(9),
        body: Bytes::from_static(b"{\xff"),
        submission: Err("not JSON".to_owned()),
        reason: "rejected".to_owned(),
    };
    store.dead_letters.bury(&garbage).await.unwrap();
    store.dead_letters.bury(&garbage).await.unwrap();
    let letters = store.dead_letters.list(&DeadLetterFilter::default(), 10).await.unwrap();
    assert_eq!(letters.len(), 2, "{letters:?}");
    let kept = store.dead_letters.find(garbage.message_id).await.unwrap().expect("it is kept");
    assert_eq!(
        (kept.job_id, kept.kind, kept.body.as_deref()),
        (None, FailureKind::UnreadableMessage, Some(&garbage.body[..]))
    );
}
