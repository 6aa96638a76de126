//! The port for rate limits: how many requests a key may make.
//!
//! Every adapter counts by the generic cell rate algorithm (GCRA): a key that was quiet may make
//! `requests` at once, and regains them evenly over `per`.
//! <https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm>

mod gcra;
pub mod memory;
pub mod redis;
mod shares;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;

/// How many requests are allowed in which time. Written `30/min`, `5/s`, `1000/h`, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests, at least 1. `None`: there is no limit.
    pub requests: Option<u32>,
    /// In which time, whole milliseconds and at least one.
    pub per: Duration,
}

/// What a limiter says to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may go on. One that may not has not been counted.
    pub allowed: bool,
    /// Requests that may still be made at once, as far as is known without asking those who count
    /// elsewhere.
    pub remaining: u32,
    /// In how long `remaining` will be all that the rate allows, if nothing is asked until then.
    pub reset: Duration,
    /// In how long the next request may be made. Zero if it may be made now.
    pub retry_after: Duration,
}

impl Decision {
    /// What is said where there is no limit.
    pub const UNLIMITED: Self = Self {
        allowed: true,
        remaining: u32::MAX,
        reset: Duration::ZERO,
        retry_after: Duration::ZERO,
    };
}

/// Counts requests.
#[async_trait]
pub trait Limiter: Send + Sync {
    /// Counts one request of `key`, atomically among all who count it. Of a rate that regains twenty
    /// requests a second or more, an adapter may take several at once and spend them within a tenth
    /// of a second: in any time all who count allow together what the rate does, and at most what it
    /// regains in that tenth. An adapter that cannot ask the others counts by itself meanwhile:
    /// requests are limited whatever is away.
    async fn count(&self, key: &str, rate: Rate) -> Decision;

    /// Forgets what `key` has used.
    async fn forget(&self, key: &str);
}

impl Rate {
    /// No limit.
    pub const OFF: Self = Self {
        requests: None,
        per: Duration::from_mins(1),
    };

    /// So many a minute.
    pub const fn per_minute(requests: u32) -> Self {
        Self {
            requests: Some(requests),
            per: Duration::from_mins(1),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.requests {
            None => f.write_str("off"),
            Some(requests) => {
                let unit = UNITS
                    .iter()
                    .find(|(_, seconds)| self.per == Duration::from_secs(*seconds));
                match unit {
                    Some((unit, _)) => write!(f, "{requests}/{unit}"),
                    None => write!(f, "{requests} in {:?}", self.per),
                }
            }
        }
    }
}

/// Units of time and their seconds.
const UNITS: [(&str, u64); 3] = [("s", 1), ("min", 60), ("h", 3600)];

impl FromStr for Rate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "write a rate as 30/min, 5/s or 1000/h, or off";
        if text == "off" {
            return Ok(Self::OFF);
        }
        let (requests, unit) = text.split_once('/').ok_or(FORM)?;
        let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(FORM)?;
        let requests = requests
            .parse()
            .ok()
            .filter(|requests| (1..=1_000_000).contains(requests))
            .ok_or(FORM)?;
        Ok(Self {
            requests: Some(requests),
            per: Duration::from_secs(*seconds),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_reads_back_as_it_is_written() {
        for text in ["off", "1/s", "30/min", "1000/h", "1000000/s"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        assert_eq!("30/min".parse(), Ok(Rate::per_minute(30)));
        assert_eq!(
            "5/s".parse(),
            Ok(Rate {
                requests: Some(5),
                per: Duration::from_secs(1)
            })
        );
        assert_eq!("off".parse(), Ok(Rate::OFF));
    }

    #[test]
    fn what_is_no_rate_is_refused_with_the_form_of_one() {
        for text in [
            "",
            "30",
            "/",
            "/min",
            "30/",
            "0/min",
            "-1/min",
            "1.5/s",
            "1000001/s",
            "99999999999/s",
            "30/day",
            "30/MIN",
            "30 / min",
            " 30/min",
            "30/min/s",
            "Off",
            "none",
        ] {
            let error = text.parse::<Rate>().unwrap_err();
            assert!(
                error.contains("30/min") && error.contains("off"),
                "{text:?}: {error}"
            );
        }
    }

    #[test]
    fn a_rate_that_cannot_be_written_is_described() {
        let rate = Rate {
            requests: Some(3),
            per: Duration::from_millis(1500),
        };
        assert_eq!(rate.to_string(), "3 in 1.5s");
    }
}
