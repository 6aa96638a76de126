//! Environments that end as soon as their verdict is safe.

use tars_engine::catalogue::TEST_CART_POLE;
use tars_engine::regression::{Baseline, Test, Verdict};
use tars_shared::baseline::NewBaseline;
use tars_shared::job::EnvironmentResult;
use tars_shared::request::Stop;

use super::*;

/// A policy that pushes against the fall, and one that pushes with it.
pub(crate) fn cart_pole(good: bool) -> Blob {
    let sign = if good { 1.0 } else { -1.0 };
    let against = [0.0, 0.0, sign, sign];
    let with = against.map(|weight: f64| -weight);
    let layers = [json!({"weight": [with, against], "bias": [0.0, 0.0]})];
    let document = json!({"version": 1, "head": "values", "activation": "relu", "layers": layers});
    Blob::Inline(Base64(document.to_string().into_bytes()))
}

/// Keeps what a job found out as the baselines of its environments.
pub(crate) async fn promote(services: &Services, id: Uuid) {
    let job = services.store.jobs.find(id).await.unwrap().unwrap();
    for result in services.store.jobs.results(id).await.unwrap() {
        let baseline = NewBaseline {
            agent_type: job.parameters.agent_type,
            statistics: Baseline::of(&result.metrics, &result.episodes),
            environment: result.environment,
            hyperparameters: std::collections::BTreeMap::new(),
            source_job: Some(id),
        };
        let baselines = &services.store.baselines;
        baselines
            .insert(&baseline, &samples::actor())
            .await
            .unwrap();
    }
}

pub(crate) async fn results(
    services: &Services,
    submission: &Submission,
) -> Vec<EnvironmentResult> {
    let job = ended(services, submit(services, submission).await).await;
    assert_eq!(job.status, Status::Completed, "{:?}", job.failures);
    services.store.jobs.results(job.id).await.unwrap()
}

fn with_stop(mut submission: Submission) -> Submission {
    submission.request.parameters.stop = Stop::WhenDecided;
    submission.request.parameters.losses.clear();
    submission.version = 4;
    submission
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_ends_as_soon_as_its_verdict_is_safe() {
    let data = tempfile::tempdir().unwrap();
    let services = services(data.path()).await;
    let worker = Worker::start(&services, "worker");
    let known = submission(cart_pole(true), 100);
    let baseline = results(&services, &known).await;
    promote(&services, known.job_id).await;

    let same = results(&services, &with_stop(submission(cart_pole(true), 100))).await;
    let [passed] = same.as_slice() else {
        panic!("one environment was asked for")
    };
    let used = passed.episodes.len();
    assert!(passed.stopped_early && used < 100, "{used}");
    assert_eq!(passed.episodes, baseline[0].episodes[..used]);
    let judged = passed.regression.as_ref().unwrap();
    assert_eq!(judged.verdict, Verdict::Pass, "{}", judged.reason);

    let worse = results(&services, &with_stop(submission(cart_pole(false), 100))).await;
    let judged = worse[0].regression.as_ref().unwrap();
    assert_eq!(judged.verdict, Verdict::Regression, "{}", judged.reason);
    assert_eq!(judged.comparison.test, Test::Betting);
    assert!(worse[0].episodes.len() < 20);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_baseline_every_episode_runs() {
    let data = tempfile::tempdir().unwrap();
    let services = services(data.path()).await;
    let worker = Worker::start(&services, "worker");
    let all = results(&services, &with_stop(submission(cart_pole(false), 30))).await;
    assert_eq!((all[0].episodes.len(), all[0].stopped_early), (30, false));
    assert_eq!(all[0].regression, None);
    worker.stop().await;
}

/// The evidence of each is adjusted for both, whichever ended early.
#[tokio::test(flavor = "multi_thread")]
async fn several_environments_share_the_error_rate_of_early_stops() {
    let data = tempfile::tempdir().unwrap();
    let services = services(data.path()).await;
    let worker = Worker::start(&services, "worker");
    let both = |good| {
        let mut submission = submission(cart_pole(good), 60);
        submission.request.parameters.environments =
            vec!["CartPole-v1".to_owned(), TEST_CART_POLE.to_owned()];
        submission
    };
    let known = both(true);
    results(&services, &known).await;
    promote(&services, known.job_id).await;
    let worse = results(&services, &with_stop(both(false))).await;
    for result in &worse {
        let comparison = &result.regression.as_ref().unwrap().comparison;
        let alone = comparison.p_value.unwrap();
        assert!(result.stopped_early);
        assert!(alone <= 0.025, "half of α for each: {alone}");
        assert!(comparison.p_adjusted.unwrap() <= 0.05);
    }
    worker.stop().await;
}
