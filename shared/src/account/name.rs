//! Names of accounts.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// The longest name, in characters.
pub const MAX_CHARACTERS: usize = 64;

/// The name of a user or of a service token: 1 to 64 small letters, digits and `. _ @ -`, a letter
/// or digit first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Name(String);

impl Name {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Name {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let begins = text.bytes().next().is_some_and(plain);
        if begins
            && text.len() <= MAX_CHARACTERS
            && text
                .bytes()
                .all(|byte| plain(byte) || b"._@-".contains(&byte))
        {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be 1 to 64 small letters, digits and . _ @ -, a letter or digit first")
        }
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl JsonSchema for Name {
    fn schema_name() -> Cow<'static, str> {
        "Name".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[a-z0-9][a-z0-9._@-]{0,63}$", "examples": ["ada"]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for good in ["ada", "7", "ada.l@example.org", "nightly-ci_2"] {
            assert!(Name::from_str(good).is_ok(), "{good}");
        }
        for bad in ["", "Ada", "-a", "a b", "a'--", "a\0", "ä", &"a".repeat(65)] {
            assert!(Name::from_str(bad).is_err(), "{bad}");
        }
    }
}
