//! The port for rate limits: how many requests a key may make.
//!
//! Every adapter counts by the generic cell rate algorithm (GCRA): a key that was quiet may make `requests` at once, and
//! regains them evenly over `per`. <https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm>

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
    /// Requests that may still be made at once.
    pub remaining: u32,
    /// In how long `remaining` will be all that the rate allows, if nothing is asked until then.
    pub reset: Duration,
    /// In how long the next request may be made. Zero if it may be made now.
    pub retry_after: Duration,
}

/// Counts requests.
#[async_trait]
pub trait Limiter: Send + Sync {
    /// Counts one request of `key`, atomically among all who count it. An adapter that cannot ask the others counts by
    /// itself meanwhile: requests are limited whatever is away.
    async fn count(&self, key: &str, rate: Rate) -> Decision;

    /// Forgets what `key` has used.
    async fn forget(&self, key: &str);
}

impl Rate {
    /// No limit.
    pub const OFF: Self = Self { requests: None, per: Duration::from_mins(1) };

    /// So many a minute.
    pub const fn per_minute(requests: u32) -> Self {
        Self { requests: Some(requests), per: Duration::from_mins(1) }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.requests {
            None => f.write_str("off"),
            Some(requests) => {
                let unit = UNITS.iter().find(|(_, seconds)| self.per == Duration::from_secs(*seconds));
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
        let requests = requests.parse().ok().filter(|requests| (1..=1_000_000).contains(requests)).ok_or(FORM)?;
        Ok(Self { requests: Some(requests), per: Duration::from_secs(*seconds) })
    }
}
