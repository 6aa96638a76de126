//! JSON schemas of names that are read in any case and written in one.

use schemars::{Schema, SchemaGenerator, json_schema};

/// The schema of one of `names`, as they are written or as they may be read.
pub(crate) fn schema(generator: &SchemaGenerator, names: &[&'static str]) -> Schema {
    if generator.contract().is_serialize() {
        return json_schema!({"type": "string", "enum": names});
    }
    // A class per letter: JSON Schema's patterns know no flag for "in any case".
    let in_any_case = |name: &&str| -> String {
        let class = |letter: char| {
            let (upper, lower) = (letter.to_ascii_uppercase(), letter.to_ascii_lowercase());
            if upper == lower {
                letter.to_string()
            } else {
                format!("[{upper}{lower}]")
            }
        };
        name.chars().map(class).collect()
    };
    let pattern: Vec<String> = names.iter().map(in_any_case).collect();
    let pattern = format!("^({})$", pattern.join("|"));
    json_schema!({"type": "string", "pattern": pattern, "examples": names})
}
