//! Batches of claims and ends.

use std::sync::Arc;

use uuid::Uuid;

use super::claiming::{TERMS, failed};
use crate::artifact::Digest;
use crate::conformance::samples::{result, submission};
use crate::conformance::store::fixture::Fixture;
use crate::job::{EnvironmentResult, FailureKind, Job, Status};
use crate::store::{Cancellation, Claim, ClaimRequest, ClaimTerms, Ending, Finish, Lease};
use crate::submission::Submission;

/// However claims and ends are cut into batches, each gets the answer that it would get alone after
/// those before it, and leaves the same behind.
///
/// # Panics
/// When a promise is broken.
pub async fn a_batch_means_the_same_as_one_by_one_in_any_cut(fixture: Fixture) {
    let mut stories = Vec::new();
    for cut in [1, 2, 3, 5, usize::MAX] {
        stories.push(story(&fixture, cut).await);
    }
    for (other, cut) in stories[1..].iter().zip([2, 3, 5, usize::MAX]) {
        assert_eq!(other, &stories[0], "in batches of {cut}");
    }
    let first = &stories[0];
    let granted = |claim: &&Claim| matches!(claim, Claim::Granted { .. });
    assert_eq!(first.claims.iter().filter(granted).count(), 7);
    assert_eq!(first.ends.iter().filter(|ended| **ended).count(), 6);
}

/// What became of a row of claims and ends, ids and moments left out.
#[derive(Debug, PartialEq)]
struct Story {
    claims: Vec<Claim>,
    ends: Vec<bool>,
    jobs: Vec<(Status, u32, Vec<FailureKind>, Vec<EnvironmentResult>)>,
}

/// Nine jobs as claims may find them: the same story for each `cut`.
async fn story(fixture: &Fixture, cut: usize) -> Story {
    let Fixture { store, clock } = fixture;
    let jobs: Vec<_> = (0..9).map(|_| submission(&**clock)).collect();
    let [_, ended, running, unknown, wanted_back, ..] = &jobs[..] else {
        unreachable!("there are nine");
    };
    let known = jobs.iter().filter(|job| job.job_id != unknown.job_id);
    let known: Vec<_> = known.cloned().collect();
    store.jobs.insert(&known).await.unwrap();
    let terms = |number: u128| ClaimTerms {
        claim_id: Uuid::from_u128(number),
        message_id: Uuid::from_u128(100 + number),
        ..TERMS
    };
    for job in [ended, running] {
        store.leases.claim_one(job, terms(1)).await.unwrap();
    }
    let lease = Lease {
        job_id: ended.job_id,
        epoch: 1,
    };
    let cancelled = Finish::of(lease, Ending::Cancelled);
    assert!(store.leases.finish_one(cancelled).await.unwrap());
    let cancellation = store.jobs.cancel(wanted_back.job_id).await.unwrap();
    assert_eq!(cancellation, Some(Cancellation::Cancelled));

    let mut claims: Vec<_> = (10..).zip(&jobs).map(|(n, job)| (job.clone(), n)).collect();
    // The same job twice, the same claim twice, and another request under the same key.
    claims.insert(1, (jobs[0].clone(), 30));
    claims.push((jobs[5].clone(), 15));
    let other_request = Submission {
        request_hash: Digest::of(b"another request"),
        ..jobs[6].clone()
    };
    claims.insert(3, (other_request, 31));
    let requests: Vec<_> = claims
        .into_iter()
        .map(|(job, number)| ClaimRequest {
            submission: Arc::new(job),
            terms: terms(number),
        })
        .collect();
    let mut claimed = Vec::new();
    for batch in requests.chunks(cut.min(requests.len())) {
        for claim in store.leases.claim(batch).await.unwrap() {
            claimed.push(claim.unwrap());
        }
    }

    let ends = ends(&jobs, running);
    let mut answers = Vec::new();
    for batch in ends.chunks(cut.min(ends.len())) {
        for ended in store.leases.finish(batch).await.unwrap() {
            answers.push(ended.unwrap());
        }
    }

    let mut found = Vec::new();
    for job in &jobs {
        let Job {
            status,
            attempt,
            failures,
            ..
        } = store.jobs.find(job.job_id).await.unwrap().unwrap();
        let kinds = failures.iter().map(|failure| failure.kind).collect();
        let results = store.jobs.results(job.job_id).await.unwrap();
        found.push((status, attempt, kinds, results));
    }
    let nameless = |claim| match claim {
        Claim::Granted {
            lease,
            attempt,
            finished,
        } => Claim::Granted {
            lease: Lease {
                job_id: Uuid::nil(),
                ..lease
            },
            attempt,
            finished,
        },
        claim => claim,
    };
    Story {
        claims: claimed.into_iter().map(nameless).collect(),
        ends: answers,
        jobs: found,
    }
}

/// How the jobs end, but for the one that goes on.
fn ends(jobs: &[Submission], running: &Submission) -> Vec<Finish> {
    let leases = jobs.iter().map(|job| Lease {
        job_id: job.job_id,
        epoch: 1,
    });
    let mut ends: Vec<_> = leases.map(completed).collect();
    let failed_end = Ending::Failed(failed(FailureKind::InvalidPolicy));
    ends[5].ending = failed_end.clone();
    ends[6].ending = Ending::Cancelled;
    // A second end of the same lease, and one of a lease that never was.
    ends.insert(6, Finish::of(ends[5].lease, Ending::Cancelled));
    ends.push(Finish::of(ends[0].lease, failed_end));
    ends.insert(
        8,
        completed(Lease {
            epoch: 7,
            ..ends[8].lease
        }),
    );
    // These go on.
    ends.retain(|end| end.lease.job_id != running.job_id);
    ends
}

fn completed(lease: Lease) -> Finish {
    Finish {
        lease,
        results: vec![(0, result("CartPole-v1")), (1, result("Acrobot-v1"))],
        ending: Ending::Completed(Vec::new()),
    }
}
