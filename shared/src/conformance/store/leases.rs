//! Jobs, as workers hold them.

use std::slice::from_ref;
use std::time::Duration;

use chrono::TimeDelta;
use tars_engine::regression;
use uuid::Uuid;

use super::Fixture;
use crate::artifact::Digest;
use crate::clock::{Clock as _, System};
use crate::conformance::samples::{actor, baseline, result, submission};
use crate::job::{FailureKind, Progress, Status};
use crate::store::{
    Claim, ClaimTerms, Comparison, Ending, Failed, Heartbeat, Lease, ObservedLease, Renewal, Store,
};
use crate::submission::Submission;

const TERM: Duration = Duration::from_secs(5);
const TERMS: ClaimTerms<'static> = ClaimTerms {
    worker: "tester",
    claim_id: Uuid::from_u128(3),
    message_id: Uuid::from_u128(7),
    observed_lease: None,
    alone: true,
    term: TERM,
    max_attempts: 3,
};

/// Claims on these terms, as a worker does: by a claim of its own, and an expired lease is watched,
/// which takes a second look when time stands still.
async fn claim_on(store: &Store, submission: &Submission, terms: ClaimTerms<'_>) -> Claim {
    let terms = ClaimTerms {
        claim_id: System.new_id(),
        ..terms
    };
    match store.leases.claim(submission, &terms).await.unwrap() {
        Claim::LeasedByOther {
            observed,
            expired: true,
        } => {
            let watched = ClaimTerms {
                observed_lease: Some(observed),
                ..terms
            };
            store.leases.claim(submission, &watched).await.unwrap()
        }
        claim => claim,
    }
}

/// Claims on the usual terms.
pub(super) async fn claim(store: &Store, submission: &Submission) -> Claim {
    claim_on(store, submission, TERMS).await
}

/// The lease of a claim that must have been granted.
pub(super) fn granted(claim: &Claim) -> Lease {
    match claim {
        Claim::Granted { lease, .. } => *lease,
        other => panic!("the claim should have been granted, but gave {other:?}"),
    }
}

pub(super) fn attempt(claim: &Claim) -> u32 {
    match claim {
        Claim::Granted { attempt, .. } => *attempt,
        other => panic!("the claim should have been granted, but gave {other:?}"),
    }
}

pub(super) fn failed(kind: FailureKind) -> Failed {
    Failed {
        kind,
        reason: "it broke".to_owned(),
    }
}

pub(super) async fn status(store: &Store, id: Uuid) -> Status {
    store
        .jobs
        .find(id)
        .await
        .unwrap()
        .expect("the job is there")
        .status
}

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

/// The lease that stands in the way of a claim.
fn held(claim: Claim) -> ObservedLease {
    match claim {
        Claim::LeasedByOther { observed, .. } => observed,
        other => panic!("somebody should hold the job, but the claim gave {other:?}"),
    }
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
    let first_look = store.leases.claim(&submission, &late).await.unwrap();
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
            .finish(lease, &Ending::Cancelled)
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
    let first = store.leases.claim(&submission, &TERMS).await.unwrap();
    clock.advance(TimeDelta::seconds(7));
    assert_eq!(
        store.leases.claim(&submission, &TERMS).await.unwrap(),
        first
    );
    assert!(
        store
            .leases
            .finish(granted(&first), &Ending::Cancelled)
            .await
            .unwrap()
    );
    assert_eq!(
        store.leases.claim(&submission, &TERMS).await.unwrap(),
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
    let first = claim_on(&store, &submission, beside_others).await;
    assert_eq!(attempt(&first), 1);
    clock.advance(TimeDelta::seconds(6));

    assert_eq!(
        claim_on(&store, &submission, beside_others).await,
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
            .finish(granted(&first), &Ending::Cancelled)
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

/// Whoever held a lease that was given to another writes nothing any more.
///
/// # Panics
/// When a promise is broken.
pub async fn a_lost_lease_writes_nothing(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let submission = submission(&*clock);
    let old = granted(&claim(&store, &submission).await);
    clock.advance(TimeDelta::seconds(6));
    let new = granted(&claim(&store, &submission).await);
    assert!(new.epoch > old.epoch, "epochs grow");

    let leases = &store.leases;
    let beats = [
        Heartbeat {
            lease: old,
            episodes_done: 9,
        },
        Heartbeat {
            lease: new,
            episodes_done: 3,
        },
    ];
    assert_eq!(
        leases.renew(TERM, &beats).await.unwrap(),
        [Renewal::Lost, Renewal::Renewed]
    );
    assert!(
        !leases
            .record_result(old, 0, &result("CartPole-v1"))
            .await
            .unwrap()
    );
    assert!(
        !leases
            .finish(old, &Ending::Completed(Vec::new()))
            .await
            .unwrap()
    );
    assert!(
        !leases
            .retry_later(old, &failed(FailureKind::Evaluation), clock.now())
            .await
            .unwrap()
    );
    assert!(!leases.release(old).await.unwrap());
    let job = store.jobs.find(submission.job_id).await.unwrap().unwrap();
    assert_eq!(
        (job.status, job.attempt, job.progress.episodes_done),
        (Status::Running, 2, 3)
    );
    assert_eq!(store.jobs.results(submission.job_id).await.unwrap(), []);
    assert!(
        leases
            .finish(new, &Ending::Completed(Vec::new()))
            .await
            .unwrap(),
        "the new holder writes"
    );
}

/// Renewing keeps a lease alive.
///
/// Results stay when an attempt does not, and the next one is told of them.
///
/// # Panics
/// When a promise is broken.
pub async fn finished_environments_survive_their_attempt(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let submission = submission(&*clock);
    let first = granted(&claim(&store, &submission).await);
    clock.advance(TimeDelta::seconds(4));
    store
        .leases
        .renew(
            TERM,
            &[Heartbeat {
                lease: first,
                episodes_done: 10,
            }],
        )
        .await
        .unwrap();
    clock.advance(TimeDelta::seconds(4));
    held(claim(&store, &submission).await);
    let acrobot = result("Acrobot-v1");
    assert!(
        store
            .leases
            .record_result(first, 1, &acrobot)
            .await
            .unwrap()
    );
    clock.advance(TimeDelta::seconds(6));

    let second = claim(&store, &submission).await;
    let Claim::Granted {
        lease, finished, ..
    } = second
    else {
        panic!("not granted: {second:?}")
    };
    assert_eq!(finished, [(1, acrobot.clone())]);
    let cart_pole = result("CartPole-v1");
    store
        .leases
        .record_result(lease, 0, &cart_pole)
        .await
        .unwrap();

    let (kept, _) = store
        .baselines
        .insert(&baseline(100.0), &actor())
        .await
        .unwrap();
    let comparison = regression::judge(
        &[regression::Candidate {
            environment: "CartPole-v1",
            episodes: &cart_pole.episodes,
            metrics: &cart_pole.metrics,
            baseline: &kept.content.statistics,
            losses: &[],
        }],
        &regression::Thresholds::default(),
    )
    .remove(0);
    let verdict = comparison.verdict;
    let compared = Comparison {
        baseline_id: kept.id,
        regression: Some(comparison.clone()),
    };
    assert!(
        store
            .leases
            .finish(lease, &Ending::Completed(vec![Some(compared), None]))
            .await
            .unwrap()
    );
    let results = store.jobs.results(submission.job_id).await.unwrap();
    assert_eq!(
        results[0].regression,
        Some(comparison),
        "comparisons come with the end"
    );
    assert_eq!(results[0].baseline_id, Some(kept.id));
    assert_eq!(
        results[1], acrobot,
        "results come in the order of the request, and come back whole"
    );
    let job = store.jobs.find(submission.job_id).await.unwrap().unwrap();
    assert_eq!(
        (job.status, job.verdict),
        (Status::Completed, Some(verdict))
    );
    assert_eq!(
        job.progress,
        Progress {
            episodes_done: 20,
            episodes_total: 20
        }
    );
}

/// A failed attempt waits for its moment and keeps its reason.
///
/// # Panics
/// When a promise is broken.
pub async fn a_failed_attempt_is_queued_again_and_remembered(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let submission = submission(&*clock);
    let lease = granted(&claim(&store, &submission).await);
    let moment = clock.now() + TimeDelta::seconds(30);
    assert!(
        store
            .leases
            .retry_later(lease, &failed(FailureKind::Evaluation), moment)
            .await
            .unwrap()
    );
    let job = store.jobs.find(submission.job_id).await.unwrap().unwrap();
    assert_eq!(
        (job.status, job.attempt, job.not_before),
        (Status::Queued, 1, Some(moment))
    );
    assert_eq!(
        job.failures,
        [failed(FailureKind::Evaluation).at(1, clock.now())]
    );
    assert_eq!(
        store.dispatches.due(Duration::ZERO, 10).await.unwrap(),
        [],
        "it is not due yet"
    );
    clock.advance(TimeDelta::seconds(30));
    assert_eq!(
        store.dispatches.due(Duration::ZERO, 10).await.unwrap(),
        from_ref(&submission),
        "now it is"
    );
    assert_eq!(attempt(&claim(&store, &submission).await), 2);
}

/// A job that takes its workers with it ends after its own attempts.
///
/// # Panics
/// When a promise is broken.
pub async fn attempts_are_spent_and_then_the_job_fails(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let submission = submission(&*clock);
    for number in 1..=TERMS.max_attempts {
        assert_eq!(attempt(&claim(&store, &submission).await), number);
        clock.advance(TimeDelta::seconds(6));
    }
    assert_eq!(claim(&store, &submission).await, Claim::Exhausted);
    assert_eq!(
        claim(&store, &submission).await,
        Claim::Ended(Status::Failed)
    );
    let job = store.jobs.find(submission.job_id).await.unwrap().unwrap();
    assert_eq!(
        (job.status, job.attempt, job.failures.len()),
        (Status::Failed, 3, 3)
    );
    assert_eq!(job.finished_at, Some(clock.now()));
}

/// A worker that goes in peace costs the job nothing.
///
/// # Panics
/// When a promise is broken.
pub async fn releasing_is_free(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let submission = submission(&*clock);
    let lease = granted(&claim(&store, &submission).await);
    assert!(store.leases.release(lease).await.unwrap());
    assert_eq!(status(&store, submission.job_id).await, Status::Queued);
    let again = claim(&store, &submission).await;
    assert_eq!(attempt(&again), 1, "the attempt was not charged");
    assert!(
        granted(&again).epoch > lease.epoch,
        "but the old lease has expired"
    );
}

/// What has ended stays as it ended.
///
/// # Panics
/// When a promise is broken.
pub async fn a_terminal_job_never_changes(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    for ending in [
        Ending::Completed(Vec::new()),
        Ending::Failed(failed(FailureKind::InvalidPolicy)),
        Ending::Cancelled,
    ] {
        let submission = submission(&*clock);
        let lease = granted(&claim(&store, &submission).await);
        assert!(store.leases.finish(lease, &ending).await.unwrap());
        let ended = store.jobs.find(submission.job_id).await.unwrap().unwrap();
        assert!(ended.status.is_terminal());

        clock.advance(TimeDelta::seconds(60));
        let claim = claim(&store, &submission).await;
        assert_eq!(
            claim,
            Claim::Ended(ended.status),
            "a late delivery finds it ended"
        );
        for late in [
            Ending::Completed(Vec::new()),
            Ending::Failed(failed(FailureKind::Timeout)),
            Ending::Cancelled,
        ] {
            assert!(
                !store.leases.finish(lease, &late).await.unwrap(),
                "even its own lease has ended"
            );
        }
        assert!(
            !store
                .leases
                .record_result(lease, 0, &result("CartPole-v1"))
                .await
                .unwrap()
        );
        store.jobs.cancel(submission.job_id).await.unwrap();
        store
            .dispatches
            .mark_dispatched(&[submission.job_id])
            .await
            .unwrap();
        store
            .dispatches
            .expire_leases(&[submission.job_id])
            .await
            .unwrap();
        store.dispatches.orphan_all().await.unwrap();
        assert_eq!(store.dispatches.due(Duration::ZERO, 10).await.unwrap(), []);
        assert_eq!(
            store.jobs.find(submission.job_id).await.unwrap().unwrap(),
            ended,
            "nothing of it changed"
        );
    }
}
