//! How the checks claim jobs.

use std::borrow::Cow;
use std::time::Duration;

use uuid::Uuid;

use crate::clock::{Clock as _, System};
use crate::job::{FailureKind, Status};
use crate::store::{Claim, ClaimTerms, Failed, Lease, ObservedLease, Store};
use crate::submission::Submission;

pub(super) const TERM: Duration = Duration::from_secs(5);
pub(super) const TERMS: ClaimTerms = ClaimTerms {
    worker: Cow::Borrowed("tester"),
    claim_id: Uuid::from_u128(3),
    message_id: Uuid::from_u128(7),
    observed_lease: None,
    alone: true,
    term: TERM,
    max_attempts: 3,
};

/// Claims on these terms, as a worker does: by a claim of its own, and an expired lease is watched,
/// which takes a second look when time stands still.
pub(super) async fn claim_on(store: &Store, submission: &Submission, terms: ClaimTerms) -> Claim {
    let terms = ClaimTerms {
        claim_id: System.new_id(),
        ..terms
    };
    match store
        .leases
        .claim_one(submission, terms.clone())
        .await
        .unwrap()
    {
        Claim::LeasedByOther {
            observed,
            expired: true,
        } => {
            let watched = ClaimTerms {
                observed_lease: Some(observed),
                ..terms
            };
            store.leases.claim_one(submission, watched).await.unwrap()
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

/// The lease that stands in the way of a claim.
pub(super) fn held(claim: Claim) -> ObservedLease {
    match claim {
        Claim::LeasedByOther { observed, .. } => observed,
        other => panic!("somebody should hold the job, but the claim gave {other:?}"),
    }
}

/// Records jobs that could not be published.
pub(super) async fn insert_unpublished(store: &Store, submissions: &[Submission]) {
    store.jobs.insert(submissions).await.unwrap();
    let ids: Vec<_> = submissions.iter().map(|one| one.job_id).collect();
    store.dispatches.mark_unpublished(&ids).await.unwrap();
}

/// What is due, left for others.
pub(super) async fn due(store: &Store, grace: Duration, limit: u32) -> Vec<Submission> {
    let dispatches = &store.dispatches;
    let due = dispatches.take_due(grace, TERM, limit).await.unwrap();
    let ids: Vec<_> = due.iter().map(|submission| submission.job_id).collect();
    dispatches.mark_unpublished(&ids).await.unwrap();
    due
}
