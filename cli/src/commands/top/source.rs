//! What is asked, where, and how often.

use std::time::Duration;

use tars_client::{Answer, Error};

use crate::client::Connection;

/// One thing that the service is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Health,
    Figures,
    Workers,
    Demand,
    Running,
    Pauses,
    Letters,
    Replays,
}

impl Source {
    pub(super) const ALL: [Self; 8] = [
        Self::Health,
        Self::Figures,
        Self::Workers,
        Self::Demand,
        Self::Running,
        Self::Pauses,
        Self::Letters,
        Self::Replays,
    ];

    /// Its name on the screen and in the document.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Figures => "figures",
            Self::Workers => "workers",
            Self::Demand => "demand",
            Self::Running => "running",
            Self::Pauses => "pauses",
            Self::Letters => "dead_letters",
            Self::Replays => "replays",
        }
    }

    /// Whether only those who have an account are answered.
    pub(super) fn is_private(self) -> bool {
        !matches!(self, Self::Health | Self::Figures)
    }

    /// The least time from one question to the next, a tenth of a second early, so that no screen
    /// just misses it. Health is answered to an address 30 times a minute; all of it together is
    /// fewer than 400 of the 600 questions that a token is answered. Workers tell of themselves
    /// every two seconds, and figures are half a second old.
    pub(super) fn period(self) -> Duration {
        Duration::from_millis(match self {
            Self::Figures => 400,
            Self::Workers => 900,
            Self::Running | Self::Pauses => 1900,
            Self::Health | Self::Demand | Self::Letters | Self::Replays => 2900,
        })
    }

    pub(super) async fn ask(self, client: &Connection) -> Result<Answer, Error> {
        let path = match self {
            Self::Health => return client.health().await,
            Self::Figures => "/metrics",
            Self::Workers => "/v1/workers?limit=200",
            Self::Demand => "/v1/workers/wanted",
            Self::Running => "/v1/jobs?status=running&limit=200",
            Self::Pauses => "/v1/pauses",
            Self::Letters => "/v1/dead-letters?limit=5",
            Self::Replays => "/v1/dead-letters/replays?limit=20",
        };
        client.glance(path).await
    }
}

/// Asks these at the same time.
pub(super) async fn ask(
    client: &Connection,
    sources: &[Source],
) -> Vec<(Source, Result<Answer, Error>)> {
    let asked = sources
        .iter()
        .map(async |&source| (source, source.ask(client).await));
    futures_util::future::join_all(asked).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_default_rate_limit_is_met() {
        let per_minute = |source: Source| 60.0 / source.period().as_secs_f64();
        let all: f64 = Source::ALL.into_iter().map(per_minute).sum();
        assert!(all < 400.0, "{all}");
        assert!(per_minute(Source::Health) < 30.0);
    }
}
