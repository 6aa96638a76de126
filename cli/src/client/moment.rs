//! Moments as people say them.

use chrono::{DateTime, TimeDelta, Utc};

/// How long ago that was, in its largest unit.
pub(crate) fn ago(now: DateTime<Utc>, moment: DateTime<Utc>) -> String {
    let past = now - moment;
    // The service's clock may run a little ahead of ours.
    if past < TimeDelta::seconds(1) {
        return "just now".to_owned();
    }
    let (number, unit) = match past {
        past if past < TimeDelta::minutes(1) => (past.num_seconds(), "s"),
        past if past < TimeDelta::hours(1) => (past.num_minutes(), "min"),
        past if past < TimeDelta::days(1) => (past.num_hours(), "h"),
        past => (past.num_days(), "d"),
    };
    format!("{number} {unit} ago")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_its_largest_unit() {
        let now = DateTime::UNIX_EPOCH;
        for (seconds, text) in [
            (-5, "just now"),
            (0, "just now"),
            (59, "59 s ago"),
            (60, "1 min ago"),
            (3599, "59 min ago"),
            (86_399, "23 h ago"),
            (864_000, "10 d ago"),
        ] {
            assert_eq!(ago(now, now - TimeDelta::seconds(seconds)), text);
        }
    }
}
