//! What a clock promises.

use crate::clock::Clock;

/// Checks a clock.
///
/// # Panics
/// When a promise is broken.
pub fn check(clock: &dyn Clock) {
    let (first, second) = (clock.now(), clock.now());
    assert!(
        first <= second,
        "time does not run backwards: {first} then {second}"
    );
    assert_eq!(
        first.timestamp_subsec_nanos() % 1000,
        0,
        "time comes in whole microseconds"
    );
    let (older, newer) = (clock.new_id(), clock.new_id());
    assert!(
        older < newer,
        "ids are unique and ordered by their making: {older} then {newer}"
    );
}
