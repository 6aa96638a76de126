//! Moments as people write them: a date, or an age.

use chrono::{DateTime, Datelike as _, TimeDelta, Utc};

pub(crate) const EXPECTATION: &str =
    "must be a moment such as 2026-11-28T06:00:00Z, or an age such as 90s, 30m, 12h or 7d";

/// What is read, as far as a pattern can say it: ages of up to some thirty years, and days that there are.
pub(crate) const FORM: &str = concat!(
    r"^([0-9]{1,9}s|[0-9]{1,7}m|[0-9]{1,5}h|[0-9]{1,4}d|",
    r"((19[89][0-9]|[2-8][0-9]{3})-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))",
    r"|[2-8][0-9](0[48]|[2468][048]|[13579][26])-02-29)",
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9]))$",
);

/// Reads a moment: RFC 3339, or so long before now.
pub(crate) fn parse(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    let age = || {
        let (unit, number) = (text.chars().last()?, text.get(..text.len() - 1)?);
        let number: u32 = number.parse().ok()?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            _ => return None,
        };
        now.checked_sub_signed(TimeDelta::seconds(i64::from(number) * seconds))
    };
    let date = || DateTime::parse_from_rfc3339(text).ok();
    let moment = age().or_else(|| Some(date()?.to_utc()));
    // What every store can keep.
    moment
        .filter(|moment| (1970..10_000).contains(&moment.year()))
        .ok_or_else(|| EXPECTATION.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_ages_are_read() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let before = |age| Ok(now - age);
        assert_eq!(parse("90s", now), before(TimeDelta::seconds(90)));
        assert_eq!(parse("30m", now), before(TimeDelta::minutes(30)));
        assert_eq!(parse("12h", now), before(TimeDelta::hours(12)));
        assert_eq!(parse("7d", now), before(TimeDelta::days(7)));
        let date = parse("2026-11-28T07:00:00+01:00", now).unwrap();
        assert_eq!(date.to_rfc3339(), "2026-11-28T06:00:00+00:00");
        for wrong in [
            "",
            "d",
            "7",
            "7w",
            "-7d",
            "9999999999d",
            "4000000d",
            "2026-11-28",
            "ä",
        ] {
            assert_eq!(parse(wrong, now), Err(EXPECTATION.to_owned()), "{wrong}");
        }
    }
}
