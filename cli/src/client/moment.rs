//! Moments as people say them.

use chrono::{DateTime, TimeDelta, Utc};

/// How long ago that was, in its largest unit.
pub(crate) fn ago(now: DateTime<Utc>, moment: DateTime<Utc>) -> String {
    let past = now - moment;
    // The service's clock may run a little ahead of ours.
    if past < TimeDelta::seconds(1) {
        return "just now".to_owned();
    }
    format!("{} ago", span(past))
}

/// A span in its largest unit.
pub(crate) fn span(span: TimeDelta) -> String {
    let (number, unit) = match span {
        span if span < TimeDelta::minutes(1) => (span.num_seconds(), "s"),
        span if span < TimeDelta::hours(1) => (span.num_minutes(), "min"),
        span if span < TimeDelta::days(1) => (span.num_hours(), "h"),
        span => (span.num_days(), "d"),
    };
    format!("{number} {unit}")
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
