//! A terminal that is drawn on, and left as it was found.

use std::io::{self, IsTerminal as _, Read as _, Stdout, Write as _};

use anyhow::Context as _;
use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::terminal::{
    Clear, ClearType, DisableLineWrap, EnableLineWrap, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode, size,
};
use crossterm::{execute, queue};
use tokio::sync::oneshot;

use crate::signals::Signals;

/// What Ctrl-C is while the terminal passes keys on as they are.
const CTRL_C: u8 = 3;

/// The terminal's own screen, as long as this is there.
pub(super) struct Terminal {
    stdout: Stdout,
}

/// Columns and rows of standard output: any number where it is no terminal.
pub(super) fn size_of_stdout() -> (usize, usize) {
    let terminal = io::stdout().is_terminal();
    let size = terminal.then(size).and_then(Result::ok);
    size.filter(|&(columns, rows)| columns > 0 && rows > 0)
        .map_or((usize::MAX, usize::MAX), |(columns, rows)| {
            (columns.into(), rows.into())
        })
}

impl Terminal {
    /// Whatever happens from here on, the terminal is as before once this is dropped.
    pub(super) fn enter() -> anyhow::Result<Self> {
        let mut terminal = Self {
            stdout: io::stdout(),
        };
        if io::stdin().is_terminal() {
            enable_raw_mode().context("cannot read keys from the terminal")?;
        }
        execute!(
            terminal.stdout,
            EnterAlternateScreen,
            Hide,
            DisableLineWrap,
            Clear(ClearType::All)
        )
        .context("cannot draw on the terminal")?;
        Ok(terminal)
    }

    /// Draws these lines over what is there, at once, so that nothing flickers.
    pub(super) fn draw(&self, lines: impl Iterator<Item = String>) -> anyhow::Result<()> {
        let mut frame = Vec::new();
        let compose = || {
            queue!(frame, MoveTo(0, 0))?;
            let mut separator = "";
            for line in lines {
                write!(frame, "{separator}{line}")?;
                queue!(frame, Clear(ClearType::UntilNewLine))?;
                separator = "\r\n";
            }
            queue!(frame, Clear(ClearType::FromCursorDown))
        };
        compose()
            .and_then(|()| {
                let mut stdout = self.stdout.lock();
                stdout.write_all(&frame)?;
                stdout.flush()
            })
            .context("cannot draw on the terminal")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // There is nobody left to tell that this fails, and nothing else to try.
        let _ = execute!(self.stdout, EnableLineWrap, Show, LeaveAlternateScreen);
        let _ = disable_raw_mode();
    }
}

/// How a person says that they have seen enough.
pub(super) struct Leave {
    signals: Signals,
    key: Option<oneshot::Receiver<()>>,
}

impl Leave {
    /// From now on signals no longer end the process by themselves.
    pub(super) fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            signals: Signals::listen()?,
            key: io::stdin().is_terminal().then(key),
        })
    }

    /// Until q, Ctrl-C, SIGTERM, or the end of the terminal.
    pub(super) async fn wait(mut self) {
        let key = async {
            match self.key {
                Some(key) => _ = key.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.signals.next() => {}
            () = key => {}
        }
    }
}

/// Is over when a key that leaves is pressed, and when none can be any more.
fn key() -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    // A read of a terminal cannot be called off, so it has a thread that ends with the process.
    std::thread::spawn(move || {
        let mut key = [0];
        while io::stdin().lock().read(&mut key).is_ok_and(|read| read > 0) {
            if matches!(key[0], b'q' | b'Q' | CTRL_C) {
                break;
            }
        }
        drop(sender);
    });
    receiver
}
