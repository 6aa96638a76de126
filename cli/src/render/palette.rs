//! Colours, on a terminal only.

use std::io::{self, IsTerminal as _};

use anstyle::{AnsiColor, Style};
use comfy_table::{Attribute, Cell, Color, Table, presets};

/// What a colour is to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// All is well.
    Good,
    /// Something is wrong.
    Bad,
    /// Nobody knows yet.
    Unsure,
    /// A heading.
    Strong,
    /// An aside.
    Faint,
}

/// Whether to write in colour.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Palette {
    coloured: bool,
}

impl Palette {
    /// Colours for standard output: if it is a terminal that has them, and `NO_COLOR`
    /// (<https://no-color.org>) is not set.
    pub(crate) fn of_stdout() -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
        Self {
            coloured: io::stdout().is_terminal() && !set("NO_COLOR") && !dumb,
        }
    }

    /// No colours.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self { coloured: false }
    }

    /// The text in this ink.
    pub(crate) fn paint(self, ink: Ink, text: &str) -> String {
        if !self.coloured {
            return text.to_owned();
        }
        let style = match ink {
            Ink::Good => AnsiColor::Green.on_default().bold(),
            Ink::Bad => AnsiColor::Red.on_default().bold(),
            Ink::Unsure => AnsiColor::Yellow.on_default().bold(),
            Ink::Strong => Style::new().bold(),
            Ink::Faint => Style::new().dimmed(),
        };
        format!("{style}{text}{style:#}")
    }

    /// A table without lines, indented by one space.
    pub(crate) fn table(self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        if self.coloured {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        table
    }

    /// A table's cell in this ink.
    pub(crate) fn cell(ink: Ink, text: &str) -> Cell {
        let cell = Cell::new(text);
        match ink {
            Ink::Good => cell.fg(Color::Green),
            Ink::Bad => cell.fg(Color::Red),
            Ink::Unsure => cell.fg(Color::Yellow),
            Ink::Strong => cell.add_attribute(Attribute::Bold),
            Ink::Faint => cell.add_attribute(Attribute::Dim),
        }
    }
}
