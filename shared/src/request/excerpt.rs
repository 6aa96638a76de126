//! What may be repeated of a client's text.

/// The most characters of a client's text that an answer repeats.
pub const EXCERPT_CHARACTERS: usize = 100;

/// The beginning of a client's text: enough to recognise it by, however long it is.
pub fn excerpt(text: &str) -> String {
    let mut characters = text.chars();
    let mut beginning: String = characters.by_ref().take(EXCERPT_CHARACTERS).collect();
    if characters.next().is_some() {
        beginning.push('…');
    }
    beginning
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_off_and_says_so() {
        assert_eq!(excerpt("labels.a"), "labels.a");
        assert_eq!(
            excerpt(&"é".repeat(EXCERPT_CHARACTERS)),
            "é".repeat(EXCERPT_CHARACTERS)
        );
        let long = excerpt(&"é".repeat(10_000_000));
        assert_eq!(long.chars().count(), EXCERPT_CHARACTERS + 1);
        assert!(long.ends_with('…'));
    }
}
