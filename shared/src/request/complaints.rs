//! Everything wrong with a request.

use std::collections::{BTreeMap, BTreeSet};

use tars_engine::catalogue;

use super::excerpt::excerpt;
use super::field_error::FieldError;
use super::hyperparameter::Hyperparameter;
use super::limits;

/// Checks hyperparameters that do not come with an evaluation.
pub fn check_hyperparameters(
    map: &BTreeMap<String, Hyperparameter>,
) -> Result<(), Vec<FieldError>> {
    let mut complaints = Complaints::default();
    complaints.hyperparameters(map);
    if complaints.0.is_empty() {
        Ok(())
    } else {
        Err(complaints.0)
    }
}

/// Everything wrong with a body, so that a client can mend it in one go.
#[derive(Default)]
pub(super) struct Complaints(pub(super) Vec<FieldError>);

impl Complaints {
    pub(super) fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldError::new(field, message));
    }

    pub(super) fn note<T>(&mut self, result: Result<T, FieldError>) -> Option<T> {
        result.map_err(|error| self.0.push(error)).ok()
    }

    pub(super) fn number<T: TryFrom<i64> + Default>(
        &mut self,
        field: &str,
        value: i64,
        bounds: &std::ops::RangeInclusive<i64>,
    ) -> T {
        match T::try_from(value) {
            Ok(number) if bounds.contains(&value) => number,
            _ => {
                self.add(
                    field,
                    format!(
                        "must be from {} to {}, not {value}",
                        bounds.start(),
                        bounds.end()
                    ),
                );
                T::default()
            }
        }
    }

    pub(super) fn environments(&mut self, ids: &[String]) {
        if ids.is_empty() || ids.len() > limits::ENVIRONMENTS {
            self.add(
                "environments",
                format!(
                    "name 1 to {} environments, not {}",
                    limits::ENVIRONMENTS,
                    ids.len()
                ),
            );
            return;
        }
        let mut seen = BTreeSet::new();
        for (index, id) in ids.iter().enumerate() {
            if catalogue::find(id).is_none() {
                let known: Vec<_> = catalogue::native().iter().map(|spec| &*spec.id).collect();
                self.add(
                    format!("environments[{index}]"),
                    format!(
                        "{} is not in the catalogue: {}",
                        excerpt(&format!("{id:?}")),
                        known.join(", ")
                    ),
                );
            } else if !seen.insert(id) {
                self.add(
                    format!("environments[{index}]"),
                    format!("{id} is named twice"),
                );
            }
        }
    }

    pub(super) fn hyperparameters(&mut self, map: &BTreeMap<String, Hyperparameter>) {
        self.map("hyperparameters", map, |value| match value {
            Hyperparameter::Text(text) => Some(text),
            Hyperparameter::Number(_) => None,
        });
    }

    pub(super) fn map<V>(
        &mut self,
        field: &str,
        map: &BTreeMap<String, V>,
        text: impl Fn(&V) -> Option<&String>,
    ) {
        if map.len() > limits::MAP_ENTRIES {
            self.add(
                field,
                format!("at most {} entries, not {}", limits::MAP_ENTRIES, map.len()),
            );
        }
        for (key, value) in map {
            if key.is_empty() || key.chars().count() > limits::KEY_CHARACTERS {
                self.add(
                    field,
                    format!("a key must have 1 to {} characters", limits::KEY_CHARACTERS),
                );
            } else if key.contains('\0') || text(value).is_some_and(|text| text.contains('\0')) {
                self.add(field, "NUL characters cannot be stored");
            } else if text(value)
                .is_some_and(|text| text.chars().count() > limits::VALUE_CHARACTERS)
            {
                self.add(
                    format!("{field}.{key}"),
                    format!("at most {} characters", limits::VALUE_CHARACTERS),
                );
            }
        }
    }
}
