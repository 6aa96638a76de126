//! Jobs of one agent on several environments.

use tars_engine::catalogue::TEST_CART_POLE;
use tars_engine::statistics::holm;

use super::early_stop::{cart_pole, promote, results};
use super::*;

fn on_both(policy: Blob, episodes: u32) -> Submission {
    let mut submission = submission(policy, episodes);
    submission.request.parameters.environments =
        vec!["CartPole-v1".to_owned(), TEST_CART_POLE.to_owned()];
    submission
}

#[tokio::test(flavor = "multi_thread")]
async fn the_evidence_on_each_is_adjusted_for_all() {
    let data = tempfile::tempdir().unwrap();
    let services = services(data.path()).await;
    let worker = Worker::start(&services, "worker");
    let known = on_both(cart_pole(true), 30);
    results(&services, &known).await;
    promote(&services, known.job_id).await;
    let judged = results(&services, &on_both(cart_pole(false), 30)).await;
    let environments: Vec<_> = judged
        .iter()
        .map(|result| result.environment.as_str())
        .collect();
    assert_eq!(environments, ["CartPole-v1", TEST_CART_POLE]);
    let comparisons: Vec<_> = judged
        .iter()
        .map(|result| &result.regression.as_ref().unwrap().comparison)
        .collect();
    let alone: Vec<_> = comparisons
        .iter()
        .map(|comparison| comparison.p_value.unwrap())
        .collect();
    let adjusted: Vec<_> = comparisons
        .iter()
        .map(|comparison| comparison.p_adjusted.unwrap())
        .collect();
    assert_eq!(adjusted, holm(&alone));
    assert_ne!(adjusted, alone, "two are more than one");
    worker.stop().await;
}

/// The first environment's result is there while the second one runs, and stays when another worker
/// goes on.
#[tokio::test(flavor = "multi_thread")]
async fn another_worker_goes_on_where_the_first_one_stopped() {
    let data = tempfile::tempdir().unwrap();
    let services = services(data.path()).await;
    let first = Worker::start(&services, "first");
    let id = submit(&services, &on_both(policy(700), 150)).await;
    let partial = async {
        loop {
            let results = services.store.jobs.results(id).await.unwrap();
            if !results.is_empty() {
                return results;
            }
            tokio::task::yield_now().await;
        }
    };
    let partial = tokio::time::timeout(LOST, partial).await.unwrap();
    first.stop().await;
    let job = services.store.jobs.find(id).await.unwrap().unwrap();
    assert_eq!(job.status, Status::Queued, "the second one was under way");
    assert_eq!(
        (partial.len(), partial[0].environment.as_str()),
        (1, "CartPole-v1")
    );

    let second = Worker::start(&services, "second");
    let job = ended(&services, id).await;
    assert_eq!((job.status, job.attempt), (Status::Completed, 1));
    let whole = services.store.jobs.results(id).await.unwrap();
    assert_eq!(whole.len(), 2);
    assert_eq!(whole[..1], partial, "what was kept was not evaluated again");
    second.stop().await;

    let data = tempfile::tempdir().unwrap();
    let services = self::services(data.path()).await;
    let undisturbed = Worker::start(&services, "undisturbed");
    let expected = results(&services, &on_both(policy(700), 150)).await;
    assert_eq!(whole, expected, "nobody can tell that there were two");
    undisturbed.stop().await;
}
