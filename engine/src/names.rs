//! JSON schemas of enumerations whose names are read in any case.

use schemars::{Schema, SchemaGenerator, json_schema};

/// One of `names`, as they are written; where it is read, in any case and with `between` before,
/// between and behind the letters.
pub(crate) fn schema(generator: &SchemaGenerator, names: &[&str], between: &str) -> Schema {
    if generator.contract().is_serialize() {
        return json_schema!({"type": "string", "enum": names});
    }
    let patterns: Vec<String> = names
        .iter()
        .map(|name| in_any_case(name, between))
        .collect();
    let pattern = format!("^{between}({})$", patterns.join("|"));
    json_schema!({"type": "string", "pattern": pattern, "examples": names})
}

/// A class per letter: JSON Schema's patterns know no flag for "in any case".
fn in_any_case(name: &str, between: &str) -> String {
    let class = |letter: char| {
        let (large, small) = (letter.to_ascii_uppercase(), letter.to_ascii_lowercase());
        if large == small {
            format!("{letter}{between}")
        } else {
            format!("[{large}{small}]{between}")
        }
    };
    name.chars().map(class).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_of_letters_in_either_case() {
        assert_eq!(in_any_case("A2C", ""), "[Aa]2[Cc]");
        assert_eq!(in_any_case("relu6", "_*"), "[Rr]_*[Ee]_*[Ll]_*[Uu]_*6_*");
    }

    #[test]
    fn what_is_written_is_an_enumeration_and_what_is_read_a_pattern() {
        let names = ["DQN", "A2C"];
        let mut written = schemars::generate::SchemaSettings::default();
        written.contract = schemars::generate::Contract::Serialize;
        assert_eq!(
            schema(&written.into_generator(), &names, ""),
            json_schema!({"type": "string", "enum": ["DQN", "A2C"]})
        );
        assert_eq!(
            schema(&SchemaGenerator::default(), &names, ""),
            json_schema!({
                "type": "string",
                "pattern": "^([Dd][Qq][Nn]|[Aa]2[Cc])$",
                "examples": ["DQN", "A2C"],
            })
        );
    }
}
