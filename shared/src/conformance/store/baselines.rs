//! Baselines.

use chrono::TimeDelta;
use tars_engine::policy_file::Algorithm;
use uuid::Uuid;

use crate::baseline::NewBaseline;
use crate::conformance::samples::{actor, baseline, submission};
use crate::conformance::store::fixture::Fixture;
use crate::store::{BaselineFilter, BestBaseline};

/// Whatever the order of arrival, ranks are 1..n by mean reward.
///
/// # Panics
/// When a promise is broken.
pub async fn baselines_keep_their_ranks_without_holes(fixture: Fixture) {
    let baselines = fixture.store.baselines;
    // Another environment's baselines keep their own ranks.
    let elsewhere = NewBaseline {
        environment: "Acrobot-v1".to_owned(),
        ..baseline(1e9)
    };
    baselines.insert(&elsewhere, &actor()).await.unwrap();
    let writes = [200.0, -5.0, 500.0, 200.0, 90.0].map(|mean| {
        let baselines = baselines.clone();
        tokio::spawn(async move { baselines.insert(&baseline(mean), &actor()).await })
    });
    for write in writes {
        let (_, new) = write.await.unwrap().unwrap();
        assert!(new);
    }
    let filter = BaselineFilter {
        environment: Some("CartPole-v1".to_owned()),
        ..BaselineFilter::default()
    };
    let found = baselines.list(&filter, 100).await.unwrap();
    let ranks: Vec<_> = found.iter().map(|baseline| baseline.rank).collect();
    let means: Vec<_> = found
        .iter()
        .map(|baseline| baseline.content.statistics.mean_reward)
        .collect();
    let mut versions: Vec<_> = found.iter().map(|baseline| baseline.version).collect();
    versions.sort_unstable();
    assert_eq!(ranks, [1, 2, 3, 4, 5]);
    assert_eq!(
        means,
        [500.0, 200.0, 200.0, 90.0, -5.0],
        "rank 1 is the best"
    );
    assert_eq!(versions, [1, 2, 3, 4, 5], "versions count up from 1");
    let (best, _) = baselines.insert(&baseline(501.0), &actor()).await.unwrap();
    assert_eq!((best.rank, best.version), (1, 6), "a new best takes rank 1");
}

/// Twenty admins at once leave ranks 1..n and versions 1..n, whatever order they come in; promoting
/// the same job at once gives one baseline.
///
/// # Panics
/// When a promise is broken.
pub async fn twenty_writers_leave_ranks_without_holes(fixture: Fixture) {
    const WRITERS: u32 = 20;
    let Fixture { store, clock } = fixture;
    let promotion = NewBaseline {
        source_job: Some(submission(&*clock).job_id),
        ..baseline(7.5)
    };
    let writes: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (baselines, promotion) = (store.baselines.clone(), promotion.clone());
            // Some means are equal, so that ties are decided under contention too.
            let own = baseline(f64::from(writer * 7 % 10));
            tokio::spawn(async move {
                let (_, new) = baselines.insert(&own, &actor()).await.unwrap();
                assert!(new);
                baselines.insert(&promotion, &actor()).await.unwrap()
            })
        })
        .collect();
    let mut promoted = Vec::new();
    for write in writes {
        promoted.push(write.await.unwrap());
    }
    assert_eq!(
        promoted.iter().filter(|(_, new)| *new).count(),
        1,
        "one promotion wins"
    );
    assert!(
        promoted
            .iter()
            .all(|(baseline, _)| baseline.id == promoted[0].0.id),
        "and all are told of it"
    );
    let found = store
        .baselines
        .list(&BaselineFilter::default(), 100)
        .await
        .unwrap();
    let expected: Vec<_> = (1..=WRITERS + 1).collect();
    assert_eq!(
        found
            .iter()
            .map(|baseline| baseline.rank)
            .collect::<Vec<_>>(),
        expected
    );
    let mut versions: Vec<_> = found.iter().map(|baseline| baseline.version).collect();
    versions.sort_unstable();
    assert_eq!(versions, expected);
    let means: Vec<_> = found
        .iter()
        .map(|baseline| baseline.content.statistics.mean_reward)
        .collect();
    assert!(
        means.is_sorted_by(|better, worse| better >= worse),
        "{means:?}"
    );
}

/// A job's environment becomes one baseline, however often it is promoted.
///
/// # Panics
/// When a promise is broken.
pub async fn promoting_twice_gives_the_same_baseline(fixture: Fixture) {
    let source_job = Some(submission(&*fixture.clock).job_id);
    let promotion = NewBaseline {
        source_job,
        ..baseline(100.0)
    };
    let baselines = fixture.store.baselines;
    let (first, new) = baselines.insert(&promotion, &actor()).await.unwrap();
    assert!(new);
    assert_eq!(first.content, promotion, "it is kept whole");
    assert_eq!(
        baselines.insert(&promotion, &actor()).await.unwrap(),
        (first, false)
    );
    assert_eq!(
        baselines
            .list(&BaselineFilter::default(), 10)
            .await
            .unwrap()
            .len(),
        1
    );
}

/// A comparison meets the best baseline that existed when its job was submitted.
///
/// # Panics
/// When a promise is broken.
pub async fn the_best_baseline_is_the_best_of_its_time(fixture: Fixture) {
    use crate::clock::Clock as _;
    let baselines = fixture.store.baselines;
    let mut moments = vec![fixture.clock.now()];
    for mean in [100.0, 300.0, 200.0] {
        fixture.clock.advance(TimeDelta::seconds(1));
        baselines.insert(&baseline(mean), &actor()).await.unwrap();
        moments.push(fixture.clock.now());
    }
    let question = |agent_type, environment: &str, as_of| BestBaseline {
        agent_type,
        environment: environment.to_owned(),
        as_of,
    };
    let now = fixture.clock.now();
    let mut questions: Vec<_> = moments
        .into_iter()
        .map(|moment| question(Algorithm::Dqn, "CartPole-v1", moment))
        .collect();
    questions.push(question(Algorithm::Ppo, "CartPole-v1", now));
    questions.push(question(Algorithm::Dqn, "Acrobot-v1", now));
    let mut best = Vec::new();
    for id in baselines.best(&questions).await.unwrap() {
        best.push(match id {
            Some(id) => {
                let found = baselines.find(id).await.unwrap().expect("it is there");
                Some(found.content.statistics.mean_reward)
            }
            None => None,
        });
    }
    assert_eq!(
        best,
        [None, Some(100.0), Some(300.0), Some(300.0), None, None]
    );
    assert_eq!(baselines.find(Uuid::nil()).await.unwrap(), None);
}

/// Pages follow each other without gap or overlap, and filters hold.
///
/// # Panics
/// When a promise is broken.
pub async fn baselines_are_listed_in_pages(fixture: Fixture) {
    let baselines = fixture.store.baselines;
    for mean in [1.0, 2.0, 3.0] {
        baselines.insert(&baseline(mean), &actor()).await.unwrap();
        let other = NewBaseline {
            agent_type: Algorithm::Ppo,
            environment: "Acrobot-v1".to_owned(),
            ..baseline(mean)
        };
        baselines.insert(&other, &actor()).await.unwrap();
    }
    let mut filter = BaselineFilter::default();
    let mut seen = Vec::new();
    loop {
        let page = baselines.list(&filter, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        filter.after = Some((
            last.content.agent_type,
            last.content.environment.clone(),
            last.rank,
        ));
        seen.extend(
            page.into_iter()
                .map(|baseline| (baseline.content.agent_type, baseline.rank)),
        );
    }
    let expected =
        [Algorithm::Dqn, Algorithm::Ppo].map(|agent_type| [1, 2, 3].map(|rank| (agent_type, rank)));
    assert_eq!(seen, expected.concat());
    let best = BaselineFilter {
        agent_type: Some(Algorithm::Ppo),
        max_rank: Some(1),
        ..BaselineFilter::default()
    };
    assert_eq!(baselines.list(&best, 10).await.unwrap().len(), 1);
}
