//! Text that somebody else wrote, on one line.

/// The most characters of a reason in a table.
const REASON_CHARACTERS: usize = 60;

/// On one line, without what a terminal would obey.
pub(crate) fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// A reason on one line, cut where it is long.
pub(crate) fn short(reason: &str) -> String {
    cut(plain(reason), REASON_CHARACTERS)
}

/// The text, or as much of it as fits into so many characters, and a sign that it goes on.
pub(crate) fn cut(mut text: String, characters: usize) -> String {
    if text.chars().count() > characters
        && let Some((end, _)) = text.char_indices().nth(characters.saturating_sub(1))
    {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_not_written() {
        assert_eq!(plain("a\u{1b}[2Jb\nc"), "a [2Jb c");
    }

    #[test]
    fn long_text_ends_in_a_sign_that_it_goes_on() {
        for (characters, expected) in [(0, "…"), (1, "…"), (3, "né…"), (4, "nées"), (9, "nées")]
        {
            assert_eq!(cut("nées".to_owned(), characters), expected);
        }
    }
}
