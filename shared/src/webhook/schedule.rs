//! When a message that did not arrive is sent again.

use std::time::Duration;

use uuid::Uuid;

/// Delays between attempts, as the Standard Webhooks specification recommends them, up to where
/// they leave a day.
const DELAYS: [Duration; ATTEMPTS as usize - 1] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
];

/// Attempts after which a message is given up.
pub const ATTEMPTS: u32 = 7;

/// The largest part of a delay that is added to it.
const JITTER: u32 = 10;

/// How long after the `attempt`th attempt (from 1) the next one is due; none after the last. What
/// failed together does not come back together: up to a tenth is added, by the message's id, so that
/// nobody has to throw dice.
pub fn delay(id: Uuid, attempt: u32) -> Option<Duration> {
    let index = usize::try_from(attempt.checked_sub(1)?).ok()?;
    let delay = *DELAYS.get(index)?;
    // The end of every sort of UUID is spread evenly.
    let [.., high, low] = *id.as_bytes();
    let share = f64::from(u16::from_be_bytes([high, low])) / f64::from(u16::MAX);
    Some(delay + (delay / JITTER).mul_f64(share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_and_leave_a_day() {
        let (early, late) = (Uuid::nil(), Uuid::max());
        let delays: Vec<_> = (1..).map_while(|attempt| delay(late, attempt)).collect();
        assert_eq!(delays.len() + 1, ATTEMPTS as usize);
        assert!(delays.is_sorted());
        assert!(delays.iter().sum::<Duration>() < Duration::from_hours(24));
        assert_eq!(delay(early, 1), Some(Duration::from_secs(5)));
        assert_eq!(delay(late, 1), Some(Duration::from_millis(5500)));
        assert_eq!((delay(late, 0), delay(late, ATTEMPTS)), (None, None));
    }
}
