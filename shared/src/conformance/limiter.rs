//! What a limiter promises.
//!
//! Some count by a clock that no test can move. So [`check`] lets no time pass, and its rates
//! regain nothing for days; what time gives back is checked by [`regains`], where it can be moved.
//! Keys are named anew in each run: they outlive it on a server.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::clock::{Clock as _, System};
use crate::limiter::{Decision, Limiter, Rate};

const BURST: u32 = 4;
/// What one request costs.
const INTERVAL: Duration = Duration::from_hours(250);
const SLOW: Rate = Rate {
    requests: Some(BURST),
    per: Duration::from_hours(1000),
};
/// A rate that is spent in shares, where there are any.
const LARGE: Rate = Rate {
    requests: Some(LARGE_BURST),
    per: Duration::from_secs(100),
};
const LARGE_BURST: u32 = 4_000;
const LARGE_INTERVAL: Duration = Duration::from_millis(25);
/// How much later than it was counted a request of it may be made, and how long a denial may last.
const LATE: Duration = Duration::from_millis(100);
const LARGE_WAIT: Duration = Duration::from_millis(50);
/// Far longer than the suite takes, and far shorter than an interval.
const SLACK: Duration = Duration::from_hours(1);
/// Requests at the same time.
const CROWD: u32 = 200;

/// Checks a limiter as far as no time has to pass.
///
/// # Panics
/// When a promise is broken.
pub async fn check(limiter: Arc<dyn Limiter>) {
    counts_down(&*limiter, &fresh("counted")).await;
    counts_no_denied_request(&*limiter, &fresh("denied")).await;
    keeps_keys_apart(&*limiter).await;
    forgets(&*limiter, &fresh("forgotten")).await;
    follows_a_new_rate(&*limiter, &fresh("changed")).await;
    limits_nothing_where_there_is_no_limit(&*limiter, &fresh("off")).await;
    counts_a_crowd(limiter.clone()).await;
    keeps_a_large_limit(&[limiter]).await;
}

/// Checks that all who count for the same keys allow together what a large rate does: nobody is
/// asked to count each of its requests by itself.
///
/// # Panics
/// When a promise is broken.
pub async fn keeps_a_large_limit(limiters: &[Arc<dyn Limiter>]) {
    let key = fresh("large");
    let start = Instant::now();
    let mut crowd = JoinSet::new();
    for limiter in limiters.iter().cycle().take(4 * limiters.len()) {
        let (limiter, key) = (limiter.clone(), key.clone());
        crowd.spawn(async move {
            let mut allowed = 0;
            let mut decision = limiter.count(&key, LARGE).await;
            while decision.allowed {
                allowed += 1;
                decision = limiter.count(&key, LARGE).await;
            }
            assert_eq!(
                decision.remaining, 0,
                "who is denied hears that none is left"
            );
            assert!(
                decision.retry_after <= LARGE_WAIT,
                "and that some will be soon: {decision:?}"
            );
            allowed
        });
    }
    let allowed: u32 = crowd.join_all().await.into_iter().sum();
    let regained = (start.elapsed() + LATE).as_micros() / LARGE_INTERVAL.as_micros();
    let most = LARGE_BURST + u32::try_from(regained).expect("the suite takes no weeks") + 1;
    assert!(
        allowed <= most,
        "never more than the rate says, and what it regains in {LATE:?}: {allowed} of {most}"
    );
    assert!(
        allowed >= LARGE_BURST / 2,
        "nor much less: {allowed} of {LARGE_BURST}"
    );
}

/// Checks what time gives back. `advance` lets exactly so much pass.
///
/// # Panics
/// When a promise is broken.
pub async fn regains(limiter: &dyn Limiter, advance: impl AsyncFn(Duration)) {
    let (key, instant) = (fresh("regained"), Duration::from_micros(1));
    exhaust(limiter, &key, SLOW).await;
    for _ in 0..2 * BURST {
        let retry_after = limiter.count(&key, SLOW).await.retry_after;
        advance(retry_after.saturating_sub(instant)).await;
        assert!(
            !limiter.count(&key, SLOW).await.allowed,
            "nothing is regained early"
        );
        advance(instant).await;
        let decision = limiter.count(&key, SLOW).await;
        assert!(
            decision.allowed && decision.remaining == 0,
            "one is regained in time, and only one: {decision:?}"
        );
        assert_eq!(
            decision.retry_after, INTERVAL,
            "requests are regained evenly"
        );
    }

    let reset = limiter.count(&key, SLOW).await.reset;
    advance(reset).await;
    assert_eq!(
        exhaust(limiter, &key, SLOW).await,
        BURST,
        "after a reset, all that the rate allows is there"
    );
    advance(100 * reset).await;
    assert_eq!(
        exhaust(limiter, &key, SLOW).await,
        BURST,
        "and never more is saved up"
    );

    let (key, uneven) = (
        fresh("uneven"),
        Rate {
            requests: Some(7),
            per: Duration::from_secs(1),
        },
    );
    exhaust(limiter, &key, uneven).await;
    for _ in 0..100 {
        advance(limiter.count(&key, uneven).await.retry_after).await;
        assert!(
            limiter.count(&key, uneven).await.allowed,
            "who waits as told may go on"
        );
    }
}

async fn counts_down(limiter: &dyn Limiter, key: &str) {
    for count in 1..=BURST {
        let decision = limiter.count(key, SLOW).await;
        assert!(
            decision.allowed,
            "a quiet key may ask {BURST} times at once, this is {count}"
        );
        assert_eq!(
            decision.remaining,
            BURST - count,
            "what remains is counted down"
        );
        about(
            decision.reset,
            count * INTERVAL,
            "each request moves the reset on",
        );
        if count < BURST {
            assert_eq!(
                decision.retry_after,
                Duration::ZERO,
                "the next may be made at once"
            );
        } else {
            about(
                decision.retry_after,
                INTERVAL,
                "the last one says when the next may be made",
            );
        }
    }
    let decision = limiter.count(key, SLOW).await;
    assert!(!decision.allowed, "no more than {BURST} at once");
    assert_eq!(decision.remaining, 0);
    about(
        decision.reset,
        BURST * INTERVAL,
        "a denied request hears of the reset",
    );
    about(decision.retry_after, INTERVAL, "and when to come again");
}

async fn counts_no_denied_request(limiter: &dyn Limiter, key: &str) {
    let mut before = limiter.count(key, SLOW).await;
    while before.remaining > 0 {
        before = limiter.count(key, SLOW).await;
    }
    for _ in 0..10 {
        let after = limiter.count(key, SLOW).await;
        assert!(!after.allowed);
        assert!(
            after.retry_after <= before.retry_after && after.reset <= before.reset,
            "{before:?} then {after:?}"
        );
        before = after;
    }
    about(
        before.retry_after,
        INTERVAL,
        "who was denied need not wait longer for it",
    );
}

async fn keeps_keys_apart(limiter: &dyn Limiter) {
    let (long, longer) = ("k".repeat(1_000_000), "k".repeat(1_000_001));
    let hostile = [
        "",
        " ",
        "  ",
        "\n",
        "\r\n",
        "\r\nFLUSHALL\r\n",
        "\0",
        "*",
        "{a}",
        "{a}b",
        "Ä",
        "ä",
        &long,
        &longer,
    ];
    let run = fresh("");
    let keys: Vec<String> = hostile.iter().map(|key| format!("{run}{key}")).collect();
    exhaust(limiter, &keys[0], SLOW).await;
    for key in &keys[1..] {
        assert_eq!(
            exhaust(limiter, key, SLOW).await,
            BURST,
            "no key uses what is another's: {:?}",
            key.get(..99)
        );
    }
    for key in &keys {
        assert!(
            !limiter.count(key, SLOW).await.allowed,
            "every key is known again: {:?}",
            key.get(..99)
        );
    }
    // Also where nothing makes it unique. An earlier run may have used it.
    limiter.forget("").await;
    assert!(
        limiter.count("", SLOW).await.allowed,
        "even no key at all is a key"
    );
}

async fn forgets(limiter: &dyn Limiter, key: &str) {
    limiter.forget(key).await;
    exhaust(limiter, key, SLOW).await;
    let other = format!("{key} too");
    exhaust(limiter, &other, SLOW).await;
    limiter.forget(key).await;
    assert_eq!(
        exhaust(limiter, key, SLOW).await,
        BURST,
        "what was forgotten is as if never asked"
    );
    assert!(
        !limiter.count(&other, SLOW).await.allowed,
        "nothing else is forgotten with it"
    );
}

async fn follows_a_new_rate(limiter: &dyn Limiter, key: &str) {
    exhaust(limiter, key, SLOW).await;
    let decision = limiter.count(key, Rate::per_minute(60)).await;
    assert!(
        decision.retry_after <= Duration::from_secs(1),
        "a key never waits longer than its rate says: {decision:?}"
    );
    assert!(
        decision.reset <= Duration::from_mins(1),
        "nor owes more: {decision:?}"
    );
}

async fn limits_nothing_where_there_is_no_limit(limiter: &dyn Limiter, key: &str) {
    for _ in 0..10 * BURST {
        assert_eq!(limiter.count(key, Rate::OFF).await, Decision::UNLIMITED);
    }
    assert_eq!(
        limiter.count(key, SLOW).await.remaining,
        BURST - 1,
        "without a limit nothing is counted"
    );
    exhaust(limiter, key, SLOW).await;
    assert_eq!(
        limiter.count(key, Rate::OFF).await,
        Decision::UNLIMITED,
        "nor looked up"
    );
}

async fn counts_a_crowd(limiter: Arc<dyn Limiter>) {
    let key = fresh("crowd");
    let mut requests = JoinSet::new();
    for _ in 0..CROWD {
        let (limiter, key) = (limiter.clone(), key.clone());
        let rate = Rate {
            requests: Some(CROWD / 2),
            ..SLOW
        };
        requests.spawn(async move { limiter.count(&key, rate).await });
    }
    let mut remaining: Vec<u32> = requests
        .join_all()
        .await
        .iter()
        .filter(|decision| decision.allowed)
        .map(|decision| decision.remaining)
        .collect();
    remaining.sort_unstable();
    assert_eq!(
        remaining,
        (0..CROWD / 2).collect::<Vec<_>>(),
        "of a crowd, exactly so many go on as the rate allows"
    );
}

/// Asks until it is denied; how many were allowed.
async fn exhaust(limiter: &dyn Limiter, key: &str, rate: Rate) -> u32 {
    let mut allowed = 0;
    while limiter.count(key, rate).await.allowed {
        allowed += 1;
        assert!(allowed <= CROWD, "there is an end to what {rate} allows");
    }
    allowed
}

/// A key that no run had before.
fn fresh(name: &str) -> String {
    format!("{} {name}", System.new_id())
}

/// Whether a wait is what it was when it began, less the time since.
fn about(actual: Duration, expected: Duration, promise: &str) {
    assert!(
        actual <= expected && expected < actual + SLACK,
        "{promise}: {actual:?} instead of {expected:?}"
    );
}
