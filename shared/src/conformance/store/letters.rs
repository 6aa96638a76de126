//! Which dead letters there are, and what operators see of them.

use chrono::{DateTime, TimeDelta, Utc};
use tars_engine::policy_file::Algorithm;

use super::claiming::{claim, granted};
use crate::clock::{Clock as _, Manual};
use crate::conformance::samples::{actor, submission};
use crate::conformance::store::fixture::Fixture;
use crate::dead_letter::{DeadLetterFilter, State};
use crate::job::FailureKind;
use crate::replay::Selection;
use crate::store::{Discarding, Ending, Failed, Finish, Store};
use crate::submission::Submission;

async fn fail(store: &Store, clock: &Manual, submission: &Submission, reason: &str) {
    clock.advance(TimeDelta::seconds(1));
    let lease = granted(&claim(store, submission).await);
    let failed = Ending::Failed(Failed {
        kind: FailureKind::Timeout,
        reason: reason.to_owned(),
    });
    let finish = Finish::of(lease, failed);
    assert!(store.leases.finish_one(finish).await.unwrap());
}

/// Three failed jobs: two alike but for a number, and one of another agent.
async fn three(store: &Store, clock: &Manual) -> [Submission; 3] {
    let mut jobs = [submission(clock), submission(clock), submission(clock)];
    "somebody else".clone_into(&mut jobs[2].subject);
    let parameters = &mut jobs[2].request.parameters;
    parameters.agent_type = Algorithm::Ppo;
    parameters.environments = vec!["Pendulum-v1".to_owned()];
    parameters.labels.clear();
    for (job, reason) in jobs
        .iter()
        .zip(["after 3 s", "after 4 s", "100 % of a_b\\c"])
    {
        fail(store, clock, job, reason).await;
    }
    jobs
}

/// Filters, and which of the three pass.
fn cases(
    start: DateTime<Utc>,
    fingerprint: Option<&str>,
) -> Vec<(DeadLetterFilter, &'static [usize])> {
    type Filter = DeadLetterFilter;
    let text = |text: &str| Some(text.to_owned());
    let moment = Some(start + TimeDelta::seconds(2));
    let case = |set: &dyn Fn(&mut Filter), passed: &'static [usize]| {
        let mut filter = Filter::default();
        set(&mut filter);
        (filter, passed)
    };
    vec![
        case(&|_| {}, &[0, 1, 2]),
        case(&|one| one.kind = Some(FailureKind::Timeout), &[0, 1, 2]),
        case(&|one| one.kind = Some(FailureKind::Evaluation), &[]),
        case(&|one| one.agent_type = Some(Algorithm::Ppo), &[2]),
        case(&|one| one.environment = text("Acrobot-v1"), &[0, 1]),
        case(&|one| one.label = text("team").zip(text("blue")), &[0, 1]),
        case(&|one| one.label = text("team").zip(text("red")), &[]),
        case(&|one| one.submitter = text("somebody else"), &[2]),
        case(&|one| one.reason = text("AFTER"), &[0, 1]),
        case(&|one| one.reason = text("0 % of a_b\\c"), &[2]),
        case(&|one| one.reason = text("a%c"), &[]),
        case(&|one| one.older_than = moment, &[0]),
        case(&|one| one.newer_than = moment, &[1, 2]),
        case(&|one| one.state = Some(State::Open), &[0, 1, 2]),
        case(&|one| one.state = Some(State::Replayed), &[]),
        case(&|one| one.fingerprint = fingerprint.and_then(text), &[0, 1]),
        case(&|one| one.fingerprint = text("0"), &[]),
    ]
}

/// A filter passes exactly what it says, in a listing and in a selection.
///
/// # Panics
/// When a promise is broken.
pub async fn dead_letters_are_filtered(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let start = clock.now();
    let jobs = three(&store, &clock).await;
    let alike = store.dead_letters.find(jobs[0].job_id).await.unwrap();
    let fingerprint = alike.unwrap().fingerprint;
    assert!(fingerprint.is_some());
    for (filter, expected) in cases(start, fingerprint.as_deref()) {
        let expected: Vec<_> = expected.iter().map(|index| jobs[*index].job_id).collect();
        let mut listed: Vec<_> = store
            .dead_letters
            .list(&filter, None, 10)
            .await
            .unwrap()
            .iter()
            .map(|letter| letter.id)
            .collect();
        listed.reverse();
        assert_eq!(listed, expected, "{filter:?}");
        let selection = Selection::Filter(Box::new(filter));
        let selected = store
            .dead_letters
            .candidates(&selection, clock.now(), None)
            .await;
        let selected = selected.unwrap().letters;
        let selected: Vec<_> = selected
            .iter()
            .map(|candidate| candidate.letter.id)
            .collect();
        assert_eq!(selected, expected, "{selection:?}");
    }
    let nothing = store
        .dead_letters
        .candidates(&Selection::Filter(Box::default()), start, None)
        .await
        .unwrap();
    assert_eq!(nothing.letters, [], "all of them ended later");
}

/// Letters that differ in numbers alone are one group, with its counts.
///
/// # Panics
/// When a promise is broken.
pub async fn dead_letters_are_grouped(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let start = clock.now();
    let jobs = three(&store, &clock).await;
    let groups = store.dead_letters.groups(10).await.unwrap();
    assert_eq!(groups.len(), 2);
    let (alike, other) = (&groups[0], &groups[1]);
    assert_eq!(
        (
            alike.open,
            alike.replayed,
            alike.discarded,
            alike.new_since_replay
        ),
        (2, 0, 0, 2)
    );
    assert_eq!(alike.reason, "after # s");
    assert_eq!(alike.kind, FailureKind::Timeout);
    assert_eq!(alike.agent_type, Some(Algorithm::Dqn));
    assert_eq!(alike.environments, jobs[0].request.parameters.environments);
    let at = |seconds| start + TimeDelta::seconds(seconds);
    assert_eq!((alike.first_seen, alike.last_seen), (at(1), at(2)));
    assert_eq!(alike.last_replayed_at, None);
    assert_eq!((other.open, other.agent_type), (1, Some(Algorithm::Ppo)));
    assert_eq!(store.dead_letters.groups(1).await.unwrap(), groups[..1]);
    assert_eq!(
        store.dead_letters.give_fingerprints().await.unwrap(),
        0,
        "all have theirs"
    );
}

/// What is discarded is hidden from those who look for open letters, and comes back.
///
/// # Panics
/// When a promise is broken.
pub async fn discarded_letters_are_hidden_and_restored(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let jobs = three(&store, &clock).await;
    let selection = Selection::Filter(Box::new(DeadLetterFilter {
        agent_type: Some(Algorithm::Dqn),
        ..DeadLetterFilter::default()
    }));
    let aside = |restore, note| Discarding {
        selection: &selection,
        until: clock.now(),
        restore,
        note,
    };
    let set = async |aside: Discarding<'_>| {
        let set = store
            .dead_letters
            .discard(&aside, None, &actor())
            .await
            .unwrap();
        assert_eq!(set.next, None);
        set.changed
    };
    assert_eq!(set(aside(false, Some("known"))).await, 2);
    assert_eq!(set(aside(false, None)).await, 0, "they are discarded");
    let letter = store
        .dead_letters
        .find(jobs[0].job_id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (letter.state, letter.note.as_deref()),
        (State::Discarded, Some("known"))
    );
    let open = DeadLetterFilter {
        state: Some(State::Open),
        ..DeadLetterFilter::default()
    };
    assert_eq!(
        store
            .dead_letters
            .list(&open, None, 10)
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(store.dead_letters.groups(10).await.unwrap()[1].discarded, 2);
    assert_eq!(set(aside(true, None)).await, 2);
    assert_eq!(
        store
            .dead_letters
            .list(&open, None, 10)
            .await
            .unwrap()
            .len(),
        3
    );
}
