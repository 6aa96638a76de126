//! Labels as clients filter by them: `name:value`.

/// What a label may be. The pattern means the same here and in JSON Schema.
pub(crate) const FORM: &str = r"^[^:\x00-\x1f]{1,64}:[^\x00-\x1f]{0,256}$";

/// Its name and value.
pub(crate) fn parse(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once(':')?;
    let fits = |text: &str| !text.contains(|c: char| c < ' ');
    let fits = !name.is_empty() && fits(name) && fits(value);
    fits.then(|| (name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_name_and_a_value() {
        let pair = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
        assert_eq!(parse("team:blue"), pair("team", "blue"));
        assert_eq!(parse("a:b:c"), pair("a", "b:c"));
        assert_eq!(parse("empty:"), pair("empty", ""));
        for wrong in ["", "team", ":blue", "a:\0", "a\n:b"] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }
}
