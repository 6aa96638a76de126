//! JSON as Python writes it: with `NaN`, `Infinity` and `-Infinity`, which no standard allows.

use std::borrow::Cow;

/// The same document with `null` in place of those three. Numbers that are not finite mean
/// nothing to a policy; they occur in fields such as `max_grad_norm` or `best_mean_reward`.
pub(super) fn standard(json: &[u8]) -> Cow<'_, [u8]> {
    const WORDS: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];
    let mut reindexd = Vec::new();
    let mut copied = 0;
    let mut index = 0;
    while let Some(byte) = json.get(index) {
        match byte {
            b'"' => index = end_of_text(json, index),
            b'-' | b'I' | b'N' => {
                let found = WORDS.iter().find(|word| json[index..].starts_with(word));
                if let Some(word) = found {
                    reindexd.extend_from_slice(&json[copied..index]);
                    reindexd.extend_from_slice(b"null");
                    index += word.len();
                    copied = index;
                } else {
                    index += 1;
                }
            }
            _ => index += 1,
        }
    }
    if copied == 0 {
        return json.into();
    }
    reindexd.extend_from_slice(&json[copied..]);
    reindexd.into()
}

/// The index after the text that begins at `start`.
fn end_of_text(json: &[u8], start: usize) -> usize {
    let mut index = start + 1;
    while let Some(byte) = json.get(index) {
        match byte {
            b'"' => return index + 1,
            b'\\' => index += 2,
            _ => index += 1,
        }
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_outside_of_texts_become_null_and_nothing_else_changes() {
        let cases = [
            (
                r#"{"a": Infinity, "b": -Infinity}"#,
                r#"{"a": null, "b": null}"#,
            ),
            ("[NaN,1]", "[null,1]"),
            (
                r#"{"Infinity": "NaN \" -Infinity"}"#,
                r#"{"Infinity": "NaN \" -Infinity"}"#,
            ),
            (r#"{"a": -1, "b": null}"#, r#"{"a": -1, "b": null}"#),
            (r#""open \"#, r#""open \"#),
            ("", ""),
        ];
        for (python, expected) in cases {
            let standard = standard(python.as_bytes()).into_owned();
            assert_eq!(String::from_utf8(standard).unwrap(), expected, "{python}");
        }
    }
}
