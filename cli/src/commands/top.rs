//! `tars top`: the whole service on one screen.

mod document;
mod figures;
mod layout;
mod model;
mod rates;
mod screen;
mod source;
mod terminal;
mod view;

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::time::Duration;

use tars_shared::clock::{Clock as _, System};
use tokio::time::MissedTickBehavior;

use self::layout::fit;
use self::terminal::{Leave, Terminal};
use self::view::View;
use crate::client::{self, Connection, Server};
use crate::render::Palette;
use crate::stdout;

/// The service on one screen: parts, queues, workers, pauses, replays and failures
///
/// In a terminal it is drawn anew until q or Ctrl-C; elsewhere it is printed once. Nothing is asked for more often than
/// the default rate limits of one account bear.
#[derive(Debug, clap::Args)]
pub(crate) struct Top {
    /// Print one screen, and no rates, which need two
    #[arg(long)]
    once: bool,
    /// Print what the service says in one JSON document
    #[arg(long)]
    json: bool,
    /// Seconds from one screen to the next, from 0.2 to 60
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = interval)]
    interval: Duration,
    #[command(flatten)]
    server: Server,
}

fn interval(text: &str) -> Result<Duration, &'static str> {
    const BOUNDS: &str = "it must be a number of seconds from 0.2 to 60";
    let seconds: f64 = text.parse().map_err(|_| BOUNDS)?;
    if (0.2..=60.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(BOUNDS)
    }
}

impl Top {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        client::run(async {
            let client = self.server.connect()?;
            if self.json {
                stdout::print(&document::document(&client, System.now()).await?)?;
            } else if self.once || !is_drawable() {
                self.print_once(&client).await?;
            } else {
                self.draw_until_left(&client).await?;
            }
            Ok(ExitCode::SUCCESS)
        })
    }

    async fn print_once(&self, client: &Connection) -> anyhow::Result<()> {
        let view = View::first(client, System.now()).await?;
        let (columns, _) = terminal::size_of_stdout();
        let palette = Palette::of_stdout();
        let lines = screen::lines(&view, System.now()).into_iter();
        let text: String = lines
            .map(|line| line.paint(columns, palette) + "\n")
            .collect();
        stdout::print(&text)
    }

    async fn draw_until_left(&self, client: &Connection) -> anyhow::Result<()> {
        // What would be refused at every look is said where it stays readable.
        let mut view = match View::first(client, System.now()).await {
            Err(error) if error.is_passing() => View::new(client.address().to_string()),
            first => first?,
        };
        let leave = Leave::listen()?;
        let terminal = Terminal::enter()?;
        let palette = Palette::of_stdout();
        let drawing = async {
            let mut tick = tokio::time::interval(self.interval);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tick.tick().await;
                view.look(client, System.now()).await;
                let (columns, rows) = terminal::size_of_stdout();
                let lines = fit(screen::lines(&view, System.now()), rows);
                terminal.draw(lines.into_iter().map(|line| line.paint(columns, palette)))?;
            }
        };
        tokio::select! {
            ended = drawing => ended,
            () = leave.wait() => Ok(()),
        }
    }
}

/// Whether there is a terminal that can be drawn on.
fn is_drawable() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    io::stdout().is_terminal() && !dumb
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_bounded() {
        assert_eq!(interval("0.2"), Ok(Duration::from_millis(200)));
        assert_eq!(interval("60"), Ok(Duration::from_mins(1)));
        for text in ["0", "0.1", "61", "-1", "NaN", "inf", "", "1s"] {
            assert!(interval(text).is_err(), "{text}");
        }
    }
}
