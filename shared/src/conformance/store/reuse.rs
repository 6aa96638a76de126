//! Results that answer the same question again.

use chrono::TimeDelta;

use super::claiming::{claim, granted};
use crate::artifact::Digest;
use crate::clock::Clock as _;
use crate::conformance::samples::{result, submission};
use crate::conformance::store::fixture::Fixture;
use crate::store::{Answer, Ending, Finish, Store};

/// A result is found by its question from the completion of its job to its removal, and no result of
/// a job that ended otherwise.
///
/// # Panics
/// When a promise is broken.
pub async fn results_of_completed_jobs_are_found_by_their_question(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let [asked, other] = [Digest::of(b"asked"), Digest::of(b"other")];
    let jobs = [submission(&*clock), submission(&*clock)];
    store.jobs.insert(&jobs).await.unwrap();
    let mut leases = Vec::new();
    for job in &jobs {
        leases.push(granted(&claim(&store, job).await));
    }
    let answer = |job: usize, question| Answer {
        question,
        job_id: jobs[job].job_id,
        position: 0,
    };
    let nobody = Answer {
        job_id: clock.new_id(),
        ..answer(0, asked)
    };
    let answers = [answer(0, asked), answer(1, other), nobody, answer(0, asked)];
    store.reusable_results.note(&answers).await.unwrap();
    assert_eq!(find(&store, asked).await, None, "its job may still fail");

    let kept = result("CartPole-v1");
    let endings = [Ending::Completed(vec![None]), Ending::Cancelled];
    for (lease, ending) in leases.into_iter().zip(endings) {
        let finish = Finish {
            lease,
            results: vec![(0, kept.clone())],
            ending,
        };
        assert!(store.leases.finish_one(finish).await.unwrap());
    }
    let questions = [other, asked, asked];
    let found = store.reusable_results.find(&questions).await.unwrap();
    assert_eq!(found[0], None, "its job was cancelled");
    assert_eq!(found[1], found[2]);
    let found = found[1].clone().unwrap();
    assert_eq!((found.job_id, found.result), (jobs[0].job_id, kept));

    clock.advance(TimeDelta::days(30));
    store.retention.prune(clock.now(), 10).await.unwrap();
    assert_eq!(find(&store, asked).await, None, "it went with its job");
}

async fn find(store: &Store, question: Digest) -> Option<uuid::Uuid> {
    let mut found = store.reusable_results.find(&[question]).await.unwrap();
    found.remove(0).map(|found| found.job_id)
}
