//! Jobs, as workers claim and hold them.

use std::slice::from_ref;

use chrono::TimeDelta;

use super::claiming::{TERM, TERMS, attempt, claim, claim_on, failed, granted, held};
use crate::artifact::Digest;
use crate::clock::{Clock as _, System};
use crate::conformance::samples::submission;
use crate::conformance::store::fixture::Fixture;
use crate::job::{FailureKind, Status};
use crate::store::{Claim, ClaimTerms, Ending, Finish, Heartbeat};
use crate::submission::Submission;

/// A message without a row is as good as one with a row.
///
/// # Panics
/// When a promise is broken.
pub async fn a_claim_by_message_alone_records_the_job(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let submission = submission(&*clock);
    assert_eq!(attempt(&claim(&store, &submission).await), 1);
    let job = store
        .jobs
        .find(submission.job_id)
        .await
        .unwrap()
        .expect("it is recorded");
    assert_eq!(
        (job.status, job.attempt, job.started_at),
        (Status::Running, 1, Some(clock.now()))
    );
}

/// One of many copies of a message gives work, until the lease expires.
///
/// # Panics
/// When a promise is broken.
pub async fn only_one_of_many_claims_is_granted(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let submission = submission(&*clock);
    for round in [
        "by message alone",
        "on a row that is there",
        "on an expired lease",
    ] {
        let claims = [(); 8].map(|()| {
            let (store, submission) = (store.clone(), submission.clone());
            tokio::spawn(async move { claim(&store, &submission).await })
        });
        let mut leases = Vec::new();
        for claim in claims {
            match claim.await.unwrap() {
                Claim::Granted { lease, .. } => leases.push(lease),
                other => assert_eq!(
                    held(other).message_id,
                    TERMS.message_id,
                    "the lease names its message"
                ),
            }
        }
        assert_eq!(leases.len(), 1, "{round}");
        match round {
            "by message alone" => assert!(store.leases.release(leases[0]).await.unwrap()),
            _ => clock.advance(TimeDelta::seconds(6)),
        }
    }

    assert_eq!(
        attempt(&claim(&store, &submission).await),
        3,
        "an expired lease is no lease"
    );
    let job = store.jobs.find(submission.job_id).await.unwrap().unwrap();
    let kinds: Vec<_> = job
        .failures
        .iter()
        .map(|failure| (failure.attempt, failure.kind))
        .collect();
    assert_eq!(
        kinds,
        [(1, FailureKind::WorkerLost), (2, FailureKind::WorkerLost)],
        "lost workers are remembered"
    );
}

/// Whoever observed a live lease that is not renewed may take the job, unless the holder renewed it
/// meanwhile.
///
/// # Panics
/// When a promise is broken.
pub async fn a_lease_that_is_not_renewed_expires_and_a_renewed_one_does_not(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let submission = submission(&*clock);
    let lease = granted(&claim(&store, &submission).await);
    let seen = held(claim(&store, &submission).await);
    clock.advance(TimeDelta::seconds(1));
    store
        .leases
        .renew(
            TERM,
            &[Heartbeat {
                lease,
                episodes_done: 1,
            }],
        )
        .await
        .unwrap();
    let watched = ClaimTerms {
        observed_lease: Some(seen),
        ..TERMS
    };
    let renewed = held(claim_on(&store, &submission, watched).await);
    assert!(
        renewed.expires_at > seen.expires_at,
        "the holder is alive: it keeps the job"
    );

    // While the store is away nobody renews; whoever comes back first must not take what is only
    // late.
    clock.advance(TimeDelta::seconds(60));
    let late = ClaimTerms {
        claim_id: System.new_id(),
        ..TERMS
    };
    let first_look = store
        .leases
        .claim_one(&submission, late.clone())
        .await
        .unwrap();
    assert_eq!(
        first_look,
        Claim::LeasedByOther {
            observed: renewed,
            expired: true
        },
        "expired is not enough"
    );
    store
        .leases
        .renew(
            TERM,
            &[Heartbeat {
                lease,
                episodes_done: 2,
            }],
        )
        .await
        .unwrap();
    let renewed = held(
        claim_on(
            &store,
            &submission,
            ClaimTerms {
                observed_lease: Some(renewed),
                ..TERMS
            },
        )
        .await,
    );

    let unrenewed = ClaimTerms {
        observed_lease: Some(renewed),
        ..TERMS
    };
    assert_eq!(
        attempt(&claim_on(&store, &submission, unrenewed).await),
        2,
        "a holder that renews nothing loses it"
    );
    assert!(
        !store
            .leases
            .finish_one(Finish::of(lease, Ending::Cancelled))
            .await
            .unwrap()
    );
}

/// A claim whose answer got lost is asked again, and gives the same lease again: nobody is charged
/// for a network.
///
/// # Panics
/// When a promise is broken.
pub async fn a_claim_that_is_repeated_gives_the_same_lease(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let submission = submission(&*clock);
    let first = store.leases.claim_one(&submission, TERMS).await.unwrap();
    clock.advance(TimeDelta::seconds(7));
    assert_eq!(
        store.leases.claim_one(&submission, TERMS).await.unwrap(),
        first
    );
    assert!(
        store
            .leases
            .finish_one(Finish::of(granted(&first), Ending::Cancelled))
            .await
            .unwrap()
    );
    assert_eq!(
        store.leases.claim_one(&submission, TERMS).await.unwrap(),
        Claim::Ended(Status::Cancelled)
    );
}

/// A message whose key belongs to another request is nobody's: it neither runs nor changes
/// anything.
///
/// # Panics
/// When a promise is broken.
pub async fn another_request_under_the_same_key_claims_nothing(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let first = submission(&*clock);
    store.jobs.insert(from_ref(&first)).await.unwrap();
    let before = store.jobs.find(first.job_id).await.unwrap();
    let other = Submission {
        request_hash: Digest::of(b"another"),
        ..first.clone()
    };
    assert_eq!(claim(&store, &other).await, Claim::KeyConflict);
    assert_eq!(store.jobs.find(first.job_id).await.unwrap(), before);
    assert_eq!(
        attempt(&claim(&store, &first).await),
        1,
        "the first one runs"
    );
}

/// When a worker vanishes with several jobs, any of them may be the reason: none is charged, and
/// each runs alone next, where the loss of its worker is its own.
///
/// # Panics
/// When a promise is broken.
pub async fn a_job_is_charged_only_for_a_worker_that_it_had_for_itself(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let submission = submission(&*clock);
    let beside_others = ClaimTerms {
        alone: false,
        ..TERMS
    };
    let first = claim_on(&store, &submission, beside_others.clone()).await;
    assert_eq!(attempt(&first), 1);
    clock.advance(TimeDelta::seconds(6));

    assert_eq!(
        claim_on(&store, &submission, beside_others.clone()).await,
        Claim::MustRunAlone
    );
    let job = store.jobs.find(submission.job_id).await.unwrap().unwrap();
    assert_eq!(
        (job.status, job.attempt, job.interruptions),
        (Status::Queued, 0, 1)
    );
    assert_eq!(
        job.failures,
        [],
        "nobody is charged for a worker that was shared"
    );
    assert!(
        !store
            .leases
            .finish_one(Finish::of(granted(&first), Ending::Cancelled))
            .await
            .unwrap(),
        "the old lease has expired"
    );

    for number in 1..=TERMS.max_attempts {
        assert_eq!(
            attempt(&claim(&store, &submission).await),
            number,
            "alone it runs"
        );
        clock.advance(TimeDelta::seconds(6));
    }
    assert_eq!(
        claim(&store, &submission).await,
        Claim::Exhausted,
        "alone it is charged"
    );
    let letter = store
        .dead_letters
        .find(submission.job_id)
        .await
        .unwrap()
        .expect("it is a dead letter");
    assert_eq!(
        (letter.job_id, letter.kind),
        (Some(submission.job_id), FailureKind::WorkerLost)
    );
}

/// Being queued is not enough: whatever else stands in the way of a claim does so for every claim.
///
/// # Panics
/// When a promise is broken.
pub async fn a_queued_job_is_claimed_on_its_terms_alone(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let spent = submission(&*clock);
    for _ in 1..=TERMS.max_attempts {
        let lease = granted(&claim(&store, &spent).await);
        let failure = failed(FailureKind::Evaluation);
        let (leases, now) = (&store.leases, clock.now());
        assert!(leases.retry_later(lease, &failure, now).await.unwrap());
    }
    assert_eq!(claim(&store, &spent).await, Claim::Exhausted);

    let suspect = submission(&*clock);
    let beside_others = ClaimTerms {
        alone: false,
        ..TERMS
    };
    granted(&claim_on(&store, &suspect, beside_others.clone()).await);
    clock.advance(TimeDelta::seconds(6));
    for look in ["at its expired lease", "at the queued job"] {
        let claim = claim_on(&store, &suspect, beside_others.clone()).await;
        assert_eq!(claim, Claim::MustRunAlone, "{look}");
    }
    assert_eq!(attempt(&claim(&store, &suspect).await), 1);

    let unwanted = submission(&*clock);
    let lease = granted(&claim(&store, &unwanted).await);
    store.jobs.cancel(unwanted.job_id).await.unwrap();
    assert!(store.leases.release(lease).await.unwrap());
    assert_eq!(
        claim(&store, &unwanted).await,
        Claim::Ended(Status::Cancelled)
    );
}
