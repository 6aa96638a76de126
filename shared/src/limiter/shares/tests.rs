//! Several processes on one budget, in a time that is counted by hand.

use super::*;
use crate::limiter::Rate;

fn gcra(rate: &str) -> Gcra {
    Gcra::of(rate.parse().unwrap()).unwrap()
}

/// The budget that all share, as the script keeps it.
struct Budget {
    gcra: Gcra,
    whole_at: i64,
}

impl Budget {
    fn take(&mut self, wanted: u32, now: i64) -> Grant {
        let debt = (self.whole_at - now).clamp(0, self.gcra.full);
        let room = (self.gcra.full - debt) / self.gcra.interval;
        let granted = i64::from(wanted).min(room);
        let debt = debt + granted * self.gcra.interval;
        self.whole_at = now + debt;
        let granted = u32::try_from(granted).unwrap();
        Grant { granted, debt }
    }
}

/// Processes that share a budget. Time is in microseconds.
struct Crowd {
    start: Instant,
    budget: Budget,
    processes: Vec<Share>,
    /// How often the budget was asked.
    commands: u32,
}

impl Crowd {
    fn new(processes: usize, rate: &str) -> Self {
        let gcra = gcra(rate);
        Self {
            start: Instant::now(),
            budget: Budget { gcra, whole_at: 0 },
            processes: (0..processes).map(|_| Share::default()).collect(),
            commands: 0,
        }
    }

    fn count(&mut self, process: usize, now: i64) -> Decision {
        let (gcra, share) = (self.budget.gcra, &mut self.processes[process]);
        let asked = self.start + Duration::from_micros(now.unsigned_abs());
        if let Some(decision) = share.spend(gcra, asked) {
            return decision;
        }
        self.commands += 1;
        let grant = self.budget.take(share.wanted(gcra, asked), now);
        share.take(gcra, grant, asked)
    }
}

/// Numbers that look random, the same in each run.
fn dice() -> impl FnMut(i64) -> i64 {
    let mut state: u64 = 42;
    move |sides| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        i64::try_from(state >> 33).unwrap() % sides
    }
}

const SECOND: i64 = 1_000_000;

#[test]
fn only_large_limits_have_shares() {
    let shares = Shares::default();
    for exact in ["1/s", "10/min", "30/min", "600/min", "19/s", "60000/h"] {
        assert!(shares.of("key", gcra(exact)).is_none(), "{exact}");
    }
    for large in ["20/s", "1200/min", "6000/min", "100000/min", "1000000/s"] {
        assert!(shares.of("key", gcra(large)).is_some(), "{large}");
    }
}

/// The promise: whatever the processes do, in no stretch of time more is allowed than the rate does
/// in it and in the life of a share.
#[test]
fn all_processes_together_allow_what_the_rate_does_and_what_a_share_may_be_late() {
    for rate in ["20/s", "6000/min", "600000/min"] {
        for processes in [1, 3, 20] {
            let (mut crowd, mut dice) = (Crowd::new(processes, rate), dice());
            let (gcra, mut now) = (crowd.budget.gcra, 0);
            let mut allowed = Vec::new();
            for round in 0..300 {
                // Crowds, trickles, and pauses of up to a second.
                let requests = [dice(3), dice(40), dice(2000)][round % 3];
                for _ in 0..requests {
                    let process = usize::try_from(dice(processes.try_into().unwrap())).unwrap();
                    if crowd.count(process, now).allowed {
                        allowed.push(now);
                    }
                    now += dice(if round % 2 == 0 { 2 } else { 3000 });
                }
                now += [0, dice(SECOND / 10), dice(SECOND)][round % 3];
            }
            let life = i64::try_from(LIFE.as_micros()).unwrap();
            // The budget of the burst, and what came since: as a virtual queue, which never overflows.
            let mut queue = 0;
            let mut before = 0;
            for moment in allowed {
                queue = (queue - (moment - before)).max(0) + gcra.interval;
                before = moment;
                assert!(
                    queue <= gcra.full + life,
                    "{rate}, {processes} processes: {queue} of {}",
                    gcra.full
                );
            }
        }
    }
}

#[test]
fn whoever_stays_below_the_limit_is_never_denied_however_many_processes_they_ask() {
    for processes in [1, 3, 20] {
        let (mut crowd, mut dice) = (Crowd::new(processes, "6000/min"), dice());
        let mut now = 0;
        for _ in 0..20_000 {
            let process = usize::try_from(dice(processes.try_into().unwrap())).unwrap();
            assert!(crowd.count(process, now).allowed, "{processes} at {now}");
            // 80 a second on average, of the 100 that are allowed.
            now += dice(25_000);
        }
    }
}

#[test]
fn a_busy_caller_costs_few_commands_below_the_limit_and_at_it() {
    // 60000/min are one each millisecond. Of these, one asks for so many, the others for more.
    for (gap, at_most) in [(1_000, 1_100), (200, 2_000), (100, 1_000)] {
        let mut crowd = Crowd::new(1, "60000/min");
        let requests = 100_000;
        let allowed = (0..requests)
            .filter(|request| crowd.count(0, request * gap).allowed)
            .count();
        assert!(
            crowd.commands <= at_most,
            "{} commands for {requests}, {allowed} of them allowed",
            crowd.commands
        );
        let regained = usize::try_from(requests * gap / 1_000).unwrap();
        let most = (60_000 + regained).min(100_000);
        assert!(
            allowed > most - most / 100,
            "and it gets what it may: {allowed} of {most}"
        );
    }
}

/// What a share loses unspent is little: also where many processes have few requests each.
#[test]
fn whoever_is_at_the_limit_gets_nearly_all_of_it_however_many_processes_they_ask() {
    for processes in [1, 3, 20] {
        let (mut crowd, mut dice) = (Crowd::new(processes, "6000/min"), dice());
        let (mut now, mut allowed) = (0, 0);
        while now < 600 * SECOND {
            let process = usize::try_from(dice(processes.try_into().unwrap())).unwrap();
            allowed += i64::from(crowd.count(process, now).allowed);
            // 200 a second on average, of the 100 that are allowed.
            now += dice(10_000);
        }
        let most = 6_000 + 100 * 600;
        assert!(
            allowed * 100 >= most * 95,
            "{processes} processes: {allowed} of {most}"
        );
    }
}

#[test]
fn what_is_not_spent_in_time_is_lost_and_less_is_asked_for() {
    let mut crowd = Crowd::new(1, "60000/min");
    for request in 0..1000 {
        crowd.count(0, request);
    }
    let (gcra, start) = (crowd.budget.gcra, crowd.start);
    let share = &mut crowd.processes[0];
    let (left, late) = (share.last.as_ref().unwrap().left, start + 3 * LIFE);
    assert!(left > 0);
    assert!(share.spend(gcra, late).is_none(), "its time is over");
    assert_eq!(share.wanted(gcra, late), 1, "nobody asked for long");
    let other = gcra_of(Rate::per_minute(90_000));
    assert!(share.spend(other, start).is_none(), "it is of another rate");
    assert_eq!(share.wanted(other, start), 1);
}

fn gcra_of(rate: Rate) -> Gcra {
    Gcra::of(rate).unwrap()
}

#[test]
fn what_remains_is_counted_down_by_every_request() {
    let mut crowd = Crowd::new(1, "1000/s");
    for count in 1..=1000 {
        let decision = crowd.count(0, 0);
        assert!(decision.allowed);
        assert_eq!(decision.remaining, 1000 - count);
        assert_eq!(decision.reset, Duration::from_millis(count.into()));
    }
    let denied = crowd.count(0, 0);
    assert!(!denied.allowed && denied.remaining == 0);
    assert_eq!(denied.retry_after, DENIAL);
    let commands = crowd.commands;
    let again = crowd.count(0, 49_000);
    assert_eq!(again.retry_after, Duration::from_millis(1), "{again:?}");
    assert_eq!(crowd.commands, commands, "and nobody was asked");
    let after = crowd.count(0, 50_000);
    assert!(after.allowed, "who waits as told may go on");
}

#[tokio::test(start_paused = true)]
async fn invented_keys_neither_grow_it_without_bound_nor_go_uncounted() {
    let (shares, gcra) = (Shares::default(), gcra("1000/s"));
    let busy = shares.of("busy", gcra).unwrap();
    let grant = Grant {
        granted: 9,
        debt: 9 * gcra.interval,
    };
    busy.try_lock().unwrap().take(gcra, grant, Instant::now());
    for key in 0..2 * CAPACITY {
        assert!(shares.of(&format!("invented {key}"), gcra).is_some());
    }
    assert!(shares.shares().len() <= CAPACITY);
    let found = shares.of("busy", gcra).unwrap();
    assert!(Arc::ptr_eq(&found, &busy), "what is being spent stays");
    shares.forget("busy");
    let found = shares.of("busy", gcra).unwrap();
    assert!(found.try_lock().unwrap().last.is_none());
}
