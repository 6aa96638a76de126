//! What is wrong with a JSON document, as a complaint that names the field.
//!
//! Serde's messages repeat what they complain about, whatever its length: only the beginning of it
//! is kept.

use tars_shared::request::{EXCERPT_CHARACTERS, FieldError, excerpt};

/// The most characters of what was expected: the names of all fields of the largest body.
const EXPECTATION_CHARACTERS: usize = 400;

/// The complaint that an error of serde makes.
pub(crate) fn complaint(error: serde_path_to_error::Error<serde_json::Error>) -> FieldError {
    let path = error.path().to_string();
    let message = error.into_inner().to_string();
    FieldError::new(
        field_of(&path, &message),
        shortened(without_position(&message)),
    )
}

/// The path of a complaint. Serde names a missing field in its message alone.
fn field_of(path: &str, message: &str) -> String {
    let missing = message
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split('`').next());
    match (path, missing) {
        (".", Some(field)) => field.to_owned(),
        (".", None) => "(body)".to_owned(),
        (path, Some(field)) => format!("{}.{field}", excerpt(path)),
        (path, None) => excerpt(path),
    }
}

/// The line and column of an error say little to a client that never saw lines.
fn without_position(message: &str) -> &str {
    message
        .rfind(" at line ")
        .map_or(message, |position| &message[..position])
}

/// The client's text comes first in serde's messages, and what was expected instead comes last.
fn shortened(message: &str) -> String {
    if message.chars().nth(EXCERPT_CHARACTERS).is_none() {
        return message.to_owned();
    }
    let (given, expected) = message.split_at(message.rfind(", expected ").unwrap_or(message.len()));
    let expected: String = expected.chars().take(EXPECTATION_CHARACTERS).collect();
    excerpt(given) + &expected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_and_the_expectation_are_kept() {
        let short = "unknown variant `urgent`, expected one of `high`, `normal`, `low`";
        assert_eq!(shortened(short), short);
        let long = format!(
            "unknown variant `{}`, expected `a` or `b`",
            "x".repeat(1_000_000)
        );
        let kept = shortened(&long);
        assert!(kept.starts_with("unknown variant `xxx"), "{kept}");
        assert!(kept.ends_with("…, expected `a` or `b`"), "{kept}");
        assert!(kept.chars().count() < 130, "{kept}");
        let endless = shortened(&format!("a, expected {}", "x".repeat(1_000_000)));
        assert_eq!(endless.chars().count(), 1 + EXPECTATION_CHARACTERS);
    }

    #[test]
    fn a_field_is_named_by_its_path() {
        assert_eq!(field_of(".", "missing field `seed`"), "seed");
        assert_eq!(field_of("a[0]", "missing field `seed`"), "a[0].seed");
        assert_eq!(field_of(".", "invalid type"), "(body)");
        let long = field_of(&"x".repeat(1_000_000), "unknown field");
        assert_eq!(long.chars().count(), EXCERPT_CHARACTERS + 1);
    }
}
