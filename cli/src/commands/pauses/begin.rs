//! `tars pauses begin`.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use tars_shared::request::Priority;
use uuid::Uuid;

use crate::client::Connection;
use crate::stdout;

/// Let no worker begin jobs of a kind, until the pause ends
///
/// What runs is finished, and submissions are accepted. Whoever waits reads who paused, and why.
#[derive(Debug, clap::Args)]
pub(super) struct Begin {
    #[command(flatten)]
    scope: Scope,
    /// Why; whoever waits reads it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// When it ends by itself, such as 90s, 15m, 2h or 1d from now [default: somebody ends it]
    #[arg(long = "for", value_name = "SPAN", value_parser = seconds)]
    seconds: Option<u32>,
    /// Print the service's JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Scope {
    /// Every job
    #[arg(long)]
    all: bool,
    /// Jobs of this priority
    #[arg(long)]
    priority: Option<Priority>,
    /// Jobs that name this environment
    #[arg(long = "env", value_name = "ID")]
    environment: Option<String>,
    /// Jobs of this account: user:NAME, or token:ID with the id of a service token
    #[arg(long, value_name = "ACCOUNT")]
    submitter: Option<String>,
}

#[derive(Serialize)]
struct Body {
    scope: &'static str,
    value: Option<String>,
    reason: String,
    seconds: Option<u32>,
}

#[derive(Deserialize)]
struct Begun {
    id: Uuid,
}

impl Scope {
    fn parts(self) -> (&'static str, Option<String>) {
        if let Some(priority) = self.priority {
            ("priority", Some(priority.to_string()))
        } else if self.environment.is_some() {
            ("environment", self.environment)
        } else if self.submitter.is_some() {
            ("submitter", self.submitter)
        } else {
            ("all", None)
        }
    }
}

impl Begin {
    pub(super) async fn run(self, client: &Connection) -> anyhow::Result<ExitCode> {
        let (scope, value) = self.scope.parts();
        let body = Body {
            scope,
            value,
            reason: self.reason,
            seconds: self.seconds,
        };
        let answer = client.create("/v1/pauses", &body).await?;
        stdout::print(&if self.json {
            answer.json()
        } else {
            let (id, server) = (answer.read::<Begun>()?.id, client.server().option());
            format!("paused within two seconds; resume with: tars pauses end {id}{server}\n")
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// A number with its unit.
fn seconds(text: &str) -> Result<u32, &'static str> {
    const FORM: &str = "write it as 90s, 15m, 2h or 1d";
    let (number, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or(FORM)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(FORM),
    };
    let number: u32 = number.parse().map_err(|_| FORM)?;
    number.checked_mul(unit).ok_or("it is too long")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_with_its_unit() {
        for (text, expected) in [("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86_400)] {
            assert_eq!(seconds(text), Ok(expected));
        }
        for text in ["", "s", "10", "1w", "-1s", "1.5h", "99999999d", "1µ"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
