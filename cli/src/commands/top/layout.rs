//! Lines of inked text: columns below each other, cut to the width and height of a terminal.

use crate::render::one_line::{cut, plain};
use crate::render::{Ink, Palette};

/// Between two columns.
const GAP: &str = "  ";

/// Text in one ink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    ink: Option<Ink>,
    text: String,
}

/// One line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Line(Vec<Span>);

/// Text as it is.
pub(super) fn text(text: impl AsRef<str>) -> Span {
    let text = plain(text.as_ref());
    Span { ink: None, text }
}

/// Text in an ink.
pub(super) fn inked(ink: Ink, text: impl AsRef<str>) -> Span {
    let text = plain(text.as_ref());
    let ink = Some(ink);
    Span { ink, text }
}

impl Span {
    fn characters(&self) -> usize {
        self.text.chars().count()
    }
}

impl Line {
    pub(super) fn new(spans: impl IntoIterator<Item = Span>) -> Self {
        Self(spans.into_iter().collect())
    }

    /// In colour, and no wider than that.
    pub(super) fn paint(self, columns: usize, palette: Palette) -> String {
        let mut room = columns;
        let mut line = String::new();
        for span in self.0 {
            let characters = span.characters();
            let shown = if characters > room && room > 0 {
                cut(span.text, room)
            } else if room == 0 {
                break;
            } else {
                span.text
            };
            room -= characters.min(room);
            line += &match span.ink {
                Some(ink) => palette.paint(ink, &shown),
                None => shown,
            };
        }
        line.trim_end().to_owned()
    }
}

/// A heading over columns, and rows in them.
pub(super) fn columns<const N: usize>(header: [&str; N], rows: Vec<[Span; N]>) -> Vec<Line> {
    let header = header.map(|name| inked(Ink::Faint, name));
    let rows: Vec<_> = [header].into_iter().chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].characters()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or_default());
    let line = |row: [Span; N]| {
        let mut spans = vec![text(" ")];
        for (span, width) in row.into_iter().zip(widths) {
            let padding = " ".repeat(width - span.characters());
            spans.extend([span, text(padding + GAP)]);
        }
        // Space after the last column would count as text that does not fit.
        spans.pop();
        Line::new(spans)
    };
    rows.into_iter().map(line).collect()
}

/// As many lines as there are rows; the last one says that there are more.
pub(super) fn fit(mut lines: Vec<Line>, rows: usize) -> Vec<Line> {
    if lines.len() > rows {
        let shown = rows.saturating_sub(1);
        let more = format!("… {} more lines in a higher window", lines.len() - shown);
        lines.truncate(shown);
        lines.extend((rows > 0).then(|| Line::new([inked(Ink::Faint, more)])));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(lines: Vec<Line>, columns: usize) -> Vec<String> {
        let paint = |line: Line| line.paint(columns, Palette::plain());
        lines.into_iter().map(paint).collect()
    }

    #[test]
    fn columns_stand_below_each_other_and_end_at_the_width() {
        let rows = || {
            columns(
                ["NAME", "N"],
                vec![[text("a long name"), text("1")], [text("b"), text("2")]],
            )
        };
        let expected = [" NAME         N", " a long name  1", " b            2"];
        assert_eq!(painted(rows(), 80), expected);
        assert_eq!(painted(rows(), 15), expected);
        let cut = [" NAME   …", " a long …", " b      …"];
        assert_eq!(painted(rows(), 9), cut);
        assert_eq!(painted(rows(), 0), ["", "", ""]);
    }

    #[test]
    fn nothing_that_a_terminal_would_obey_is_painted() {
        let line = Line::new([text("\u{1b}[2J\r\nx"), inked(Ink::Bad, "\u{7}")]);
        assert!(!painted(vec![line], 80)[0].contains(char::is_control));
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let lines = || vec![Line::new([text("x")]); 5];
        assert_eq!(fit(lines(), 5), lines());
        let cut = painted(fit(lines(), 3), 80);
        assert_eq!(cut, ["x", "x", "… 3 more lines in a higher window"]);
        assert!(fit(lines(), 0).is_empty());
    }
}
