//! Reads one action from one line of JSON.

use serde_json::Value;
use tars_engine::lanes::{Actions, LaneMatrix};
use tars_engine::space::ActionSpace;

/// The action of one lane; an error says what the line holds and what is expected.
pub(super) fn parse(line: &[u8], space: &ActionSpace) -> Result<Actions, String> {
    let value: Value = serde_json::from_slice(line).map_err(|error| {
        let expected = expected(space);
        format!("not JSON ({error}): expected {expected}")
    })?;
    match space {
        ActionSpace::Discrete { n } => {
            let index = value.as_u64().and_then(|index| u32::try_from(index).ok());
            match index.filter(|&index| (index as usize) < *n) {
                Some(index) => Ok(Actions::Discrete(vec![index])),
                None => Err(format!(
                    "action {} is not {}",
                    abridged(&value),
                    expected(space)
                )),
            }
        }
        ActionSpace::Box(bounds) => {
            let numbers = match &value {
                Value::Array(numbers) => numbers.as_slice(),
                number => std::slice::from_ref(number),
            };
            let vector: Option<Vec<f32>> = numbers.iter().map(single).collect();
            match vector.filter(|vector| vector.len() == bounds.dimensions()) {
                Some(vector) => {
                    let mut actions = LaneMatrix::zeros(vector.len(), 1);
                    actions.set_lane(0, &vector);
                    Ok(Actions::Continuous(actions))
                }
                None => Err(format!(
                    "action {} is not {}",
                    abridged(&value),
                    expected(space)
                )),
            }
        }
    }
}

/// The number as the f32 that a box space holds, rounded from f64 as NumPy does it.
#[expect(clippy::cast_possible_truncation, reason = "the space holds f32")]
fn single(number: &Value) -> Option<f32> {
    number
        .as_f64()
        .map(|number| number as f32)
        .filter(|number| number.is_finite())
}

fn expected(space: &ActionSpace) -> String {
    match space {
        ActionSpace::Discrete { n } => format!("a whole number in 0..{n}"),
        ActionSpace::Box(bounds) if bounds.dimensions() == 1 => {
            "a number, or an array of one, that fits a 32-bit float".into()
        }
        ActionSpace::Box(bounds) => format!(
            "an array of {} numbers that fit a 32-bit float",
            bounds.dimensions()
        ),
    }
}

/// The value as it was written, or its beginning.
fn abridged(value: &Value) -> String {
    const SHOWN: usize = 60;
    let text = value.to_string();
    if text.chars().count() <= SHOWN {
        return text;
    }
    text.chars().take(SHOWN).chain(['…']).collect()
}
