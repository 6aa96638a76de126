//! Results that are stored already answer the same request.

use super::early_stop::{promote, results};
use super::*;

/// Slow enough, on any machine, to be worth asking whether it is known.
fn slow() -> Submission {
    submission(policy(300), 400)
}

/// What a result says, apart from where it comes from and what it was compared with.
fn bytes(result: &tars_shared::job::EnvironmentResult) -> Vec<u8> {
    let mut result = result.clone();
    (result.reused_from, result.regression, result.baseline_id) = (None, None, None);
    serde_json::to_vec(&result).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_result_answers_with_the_same_bytes_and_a_new_verdict() {
    let data = tempfile::tempdir().unwrap();
    let services = services(data.path()).await;
    let worker = Worker::start(&services, "worker");
    let original = slow();
    let first = results(&services, &original).await.remove(0);
    assert_eq!((first.reused_from, &first.regression), (None, &None));
    promote(&services, original.job_id).await;

    let reused = results(&services, &slow()).await.remove(0);
    assert_eq!(reused.reused_from, Some(original.job_id));
    assert_eq!(bytes(&reused), bytes(&first));
    assert!(reused.baseline_id.is_some(), "there is a baseline by now");
    assert!(reused.regression.is_some());

    let mut anew = slow();
    anew.request.parameters.reuse = false;
    let anew = results(&services, &anew).await.remove(0);
    assert_eq!(anew.reused_from, None);
    assert_eq!(bytes(&anew), bytes(&reused));
    assert_eq!(anew.regression, reused.regression);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_question_has_another_answer() {
    let data = tempfile::tempdir().unwrap();
    let services = services(data.path()).await;
    let worker = Worker::start(&services, "worker");
    results(&services, &slow()).await;
    let mut others = vec![submission(policy(301), 400), submission(policy(300), 401)];
    for change in 0..3 {
        let mut other = slow();
        let parameters = &mut other.request.parameters;
        match change {
            0 => parameters.seed += 1,
            1 => parameters.losses.push(1.0),
            _ => parameters.deterministic = false,
        }
        others.push(other);
    }
    for other in others {
        let result = results(&services, &other).await.remove(0);
        assert_eq!(result.reused_from, None, "{:?}", other.request.parameters);
    }
    worker.stop().await;
}

/// A job that answered others may go: what it said stays with them, and the next one evaluates anew.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_outlives_the_job_that_it_came_from() {
    let data = tempfile::tempdir().unwrap();
    let services = services(data.path()).await;
    let worker = Worker::start(&services, "worker");
    let first = results(&services, &slow()).await.remove(0);
    let copy = slow();
    let reused = results(&services, &copy).await.remove(0);
    assert!(reused.reused_from.is_some());
    let before = services.clock.now() + TimeDelta::days(1);
    // Both are old enough by then; the younger one stays, because only one is asked for.
    let pruned = services.store.retention.prune(before, 1).await.unwrap();
    assert_eq!(pruned.jobs, 1);
    let kept = services.store.jobs.results(copy.job_id).await.unwrap();
    assert_eq!(kept, [reused]);
    let anew = results(&services, &slow()).await.remove(0);
    assert_eq!((anew.reused_from, bytes(&anew)), (None, bytes(&first)));
    worker.stop().await;
}
