use chrono::TimeDelta;

use super::*;
use crate::request::Priority;

const START: DateTime<Utc> = DateTime::<Utc>::UNIX_EPOCH;

fn plan() -> Plan {
    Plan {
        canary: None,
        ramp: None,
        limit: None,
        rate_per_second: None,
        stop_at_failure_rate: None,
        priority: Priority::Low,
        patch: None,
    }
}

/// A replay whose jobs end as they are told to.
struct Run {
    plan: Plan,
    pace: Pace,
    counts: Counts,
    now: DateTime<Utc>,
}

impl Run {
    fn of(total: u64, plan: Plan) -> Self {
        let counts = Counts {
            total,
            remaining: total,
            ..Counts::default()
        };
        let pace = Pace::new(&plan, START);
        Self {
            plan,
            pace,
            counts,
            now: START,
        }
    }

    fn next(&mut self) -> Next {
        let next = self.pace.next(&self.plan, &self.counts, self.now);
        if let Next::Go(count) = next {
            self.pace.note(count);
            self.counts.remaining -= count;
            self.counts.queued += count;
        }
        next
    }

    fn end(&mut self, succeeded: u64, failed: u64) {
        self.counts.queued -= succeeded + failed;
        self.counts.succeeded += succeeded;
        self.counts.failed += failed;
    }
}

#[test]
fn a_few_go_first_and_then_a_bounded_number_is_under_way() {
    let mut run = Run::of(5000, plan());
    assert_eq!(run.next(), Next::Go(SAMPLE));
    assert_eq!(run.next(), Next::Wait(LOOK));
    run.end(9, 1);
    assert_eq!(run.next(), Next::Go(UNDER_WAY));
    assert_eq!(run.next(), Next::Wait(LOOK));
    run.end(600, 400);
    assert_eq!(run.next(), Next::Go(UNDER_WAY));
}

#[test]
fn waves_grow_only_when_the_last_one_has_ended_well() {
    let plan = Plan {
        canary: Some(2),
        ramp: Some(3.0),
        ..plan()
    };
    let mut run = Run::of(1000, plan);
    for wave in [2, 6] {
        assert_eq!(run.next(), Next::Go(wave));
        assert_eq!(run.next(), Next::Wait(LOOK));
        run.end(wave - 1, 0);
        assert_eq!(run.next(), Next::Wait(LOOK), "in flight is not success");
        run.end(1, 0);
    }
    // The bound before the first ten have ended.
    assert_eq!(run.next(), Next::Go(10));
    run.end(10, 0);
    assert_eq!(run.next(), Next::Go(8));
}

#[test]
fn refused_letters_do_not_count_as_canaries() {
    let plan = Plan {
        canary: Some(3),
        ..plan()
    };
    let mut run = Run::of(100, plan);
    assert_eq!(run.pace.next(&run.plan, &run.counts, START), Next::Go(3));
    run.pace.note(1);
    run.counts.refused += 2;
    run.counts.remaining -= 3;
    run.counts.queued += 1;
    assert_eq!(run.next(), Next::Go(2));
}

#[test]
fn one_canary_that_fails_stops_it_unless_the_plan_allows_some() {
    let strict = Plan {
        canary: Some(5),
        ..plan()
    };
    let mut run = Run::of(100, strict.clone());
    run.next();
    run.end(2, 1);
    assert!(matches!(run.next(), Next::Stop(reason) if reason.starts_with("1 of 3 canaries")));

    let lenient = Plan {
        stop_at_failure_rate: Some(0.2),
        ..strict.clone()
    };
    let mut run = Run::of(100, lenient);
    run.next();
    run.end(4, 1);
    assert_eq!(run.next(), Next::Go(10));

    let bounded = Plan {
        stop_at_failure_rate: Some(0.2),
        ..strict
    };
    let mut run = Run::of(100, bounded);
    run.next();
    run.end(3, 2);
    assert!(
        matches!(run.next(), Next::Stop(_)),
        "a whole canary is enough"
    );
}

#[test]
fn too_many_failures_stop_it_and_whoever_resumes_it_forgives_them() {
    let mut run = Run::of(100, plan());
    run.next();
    run.end(0, 9);
    assert_eq!(run.next(), Next::Go(9), "nine say nothing yet");
    run.end(4, 0);
    assert!(matches!(run.next(), Next::Stop(reason) if reason.starts_with("9 of 13")));
    run.pace.resume(&run.counts, run.now);
    assert!(matches!(run.next(), Next::Go(_)));
}

#[test]
fn a_rate_is_kept_and_saved_up_for_a_second_at_most() {
    let plan = Plan {
        rate_per_second: Some(4.0),
        stop_at_failure_rate: Some(1.0),
        ..plan()
    };
    let mut run = Run::of(1000, plan);
    assert_eq!(run.next(), Next::Go(1));
    assert_eq!(run.next(), Next::Wait(Duration::from_millis(250)));
    run.now += TimeDelta::milliseconds(500);
    assert_eq!(run.next(), Next::Go(2));
    run.now += TimeDelta::hours(1);
    assert_eq!(run.next(), Next::Go(4));
    assert!(matches!(run.next(), Next::Wait(_)));
}

#[test]
fn it_ends_when_everything_has() {
    let mut run = Run::of(1, plan());
    run.next();
    assert_eq!(run.next(), Next::Wait(LOOK));
    run.end(0, 1);
    assert_eq!(run.next(), Next::Finish);
    assert_eq!(Run::of(0, plan()).next(), Next::Finish);
}
