//! Many jobs taken back at once.

use super::claiming::{claim, granted, status};
use crate::account::Action;
use crate::account::audit::AuditFilter;
use crate::conformance::samples::{actor, submission, with_priority};
use crate::conformance::store::fixture::Fixture;
use crate::job::Status;
use crate::request::Priority;
use crate::store::{Cancelled, Ending, Finish, JobFilter, Lease, Store};
use crate::submission::Submission;

const ADA: &str = "user:ada";

/// Five jobs of one submitter, of which the first runs and the second has ended, one of another, and
/// an urgent one.
async fn some_jobs(fixture: &Fixture) -> (Vec<Submission>, Lease) {
    let Fixture { store, clock } = fixture;
    let of = |subject: &str| Submission {
        subject: subject.to_owned(),
        ..submission(&**clock)
    };
    let mut jobs: Vec<_> = (0..5).map(|_| of(ADA)).collect();
    jobs.extend([of("user:bob"), with_priority(&**clock, Priority::High)]);
    store.jobs.insert(&jobs).await.unwrap();
    let running = granted(&claim(store, &jobs[0]).await);
    let ended = granted(&claim(store, &jobs[1]).await);
    let completed = Finish::of(ended, Ending::Completed(Vec::new()));
    assert!(store.leases.finish_one(completed).await.unwrap());
    (jobs, running)
}

fn of_ada() -> JobFilter {
    JobFilter {
        submitter: Some(ADA.to_owned()),
        ..JobFilter::default()
    }
}

/// What a cancellation would meet is known before.
///
/// # Panics
/// When a promise is broken.
pub async fn what_a_cancellation_would_meet_is_known(fixture: Fixture) {
    let (jobs, _) = some_jobs(&fixture).await;
    let cancellations = &fixture.store.cancellations;
    let most = cancellations.would_cancel(&of_ada(), 3).await.unwrap();
    assert_eq!(most, 3, "no further than asked");
    let some = cancellations.some_of_them(&of_ada(), 2).await.unwrap();
    assert_eq!(some.len(), 2);
    assert!(some.iter().all(|job| job.subject == ADA));
    let all = JobFilter::default;
    for (filter, expected) in [
        (all(), 6),
        (of_ada(), 4),
        (
            JobFilter {
                priority: Some(Priority::High),
                ..all()
            },
            1,
        ),
        (
            JobFilter {
                status: Some(Status::Running),
                ..all()
            },
            1,
        ),
        (
            JobFilter {
                status: Some(Status::Completed),
                ..all()
            },
            0,
        ),
        (
            JobFilter {
                environment: Some("Nowhere-v0".to_owned()),
                ..all()
            },
            0,
        ),
        (
            JobFilter {
                submitted_before: Some(jobs[0].submitted_at),
                ..all()
            },
            0,
        ),
    ] {
        let count = cancellations.would_cancel(&filter, 10).await.unwrap();
        assert_eq!(count, expected, "{filter:?}");
    }
}

async fn cancel_all(store: &Store, filter: &JobFilter) -> (Cancelled, u32) {
    let (mut done, mut calls) = (Cancelled::default(), 0);
    loop {
        let some = store.cancellations.cancel_some(filter, 2, &actor()).await;
        let some = some.unwrap();
        if some == Cancelled::default() {
            return (done, calls);
        }
        done.cancelled += some.cancelled;
        done.requested += some.requested;
        calls += 1;
    }
}

/// A cancellation by filter meets what fits and has not ended, once, in as many calls as it takes.
///
/// # Panics
/// When a promise is broken.
pub async fn many_jobs_are_cancelled_by_what_they_are(fixture: Fixture) {
    let (jobs, running) = some_jobs(&fixture).await;
    let store = &fixture.store;
    let expected = Cancelled {
        cancelled: 3,
        requested: 1,
    };
    assert_eq!(cancel_all(store, &of_ada()).await, (expected, 2));
    let statuses = [
        Status::Running,
        Status::Completed,
        Status::Cancelled,
        Status::Cancelled,
        Status::Cancelled,
        Status::Queued,
        Status::Queued,
    ];
    for (job, expected) in jobs.iter().zip(statuses) {
        assert_eq!(status(store, job.job_id).await, expected);
    }
    let asked = store.jobs.find(jobs[0].job_id).await.unwrap().unwrap();
    assert!(asked.cancel_requested);
    let end = Finish::of(running, Ending::Cancelled);
    assert!(store.leases.finish_one(end).await.unwrap());
    let audited = AuditFilter {
        action: Some(Action::JobsCancelled),
        ..AuditFilter::default()
    };
    let entries = store.audit.list(&audited, 10).await.unwrap();
    assert_eq!(entries.len(), 2, "one for each transaction");
    assert_eq!(entries[0].detail["filter"]["submitter"], ADA);
}
