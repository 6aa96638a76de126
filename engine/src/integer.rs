//! Integers as JSON has them: 7.0 is one, too, to JSON Schema and to clients whose numbers are
//! all floating-point.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// Reads an integer, however it is written.
pub fn read<'de, D: Deserializer<'de>, T: TryFrom<i128>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(Integer(PhantomData))
}

/// The same, or null. A field that may be left out needs `#[serde(default)]` beside it.
pub fn read_optional<'de, D: Deserializer<'de>, T: TryFrom<i128>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_option(OptionalInteger(PhantomData))
}

struct Integer<T>(PhantomData<T>);

impl<T: TryFrom<i128>> Visitor<'_> for Integer<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        T::try_from(value.into()).map_err(|_| E::custom(format_args!("{value} is out of range")))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
        T::try_from(value.into()).map_err(|_| E::custom(format_args!("{value} is out of range")))
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "it has no fraction, and what is out of range stays so"
    )]
    fn visit_f64<E: Error>(self, value: f64) -> Result<T, E> {
        if value.fract() != 0.0 {
            return Err(E::invalid_type(Unexpected::Float(value), &self));
        }
        T::try_from(value as i128).map_err(|_| E::custom(format_args!("{value} is out of range")))
    }
}

struct OptionalInteger<T>(PhantomData<T>);

impl<'de, T: TryFrom<i128>> Visitor<'de> for OptionalInteger<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number or null")
    }

    fn visit_none<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        read(deserializer).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Numbers {
        #[serde(deserialize_with = "super::read")]
        small: u32,
        #[serde(default, deserialize_with = "super::read_optional")]
        large: Option<u64>,
    }

    fn numbers(json: &str) -> Result<(u32, Option<u64>), String> {
        let read: Result<Numbers, _> = serde_json::from_str(json);
        read.map(|read| (read.small, read.large))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn an_integer_may_be_written_with_a_point_or_an_exponent() {
        assert_eq!(numbers(r#"{"small": 7}"#), Ok((7, None)));
        assert_eq!(
            numbers(r#"{"small": 7.0, "large": 1e3}"#),
            Ok((7, Some(1000)))
        );
        assert_eq!(numbers(r#"{"small": -0.0, "large": null}"#), Ok((0, None)));
        assert_eq!(
            numbers(r#"{"small": 0, "large": 18446744073709551615}"#),
            Ok((0, Some(u64::MAX)))
        );
    }

    #[test]
    fn what_is_no_integer_or_out_of_range_is_refused() {
        for (number, complaint) in [
            ("7.5", "a whole number"),
            ("\"7\"", "a whole number"),
            ("null", "a whole number"),
            ("-1", "out of range"),
            ("4294967296", "out of range"),
            ("1e300", "out of range"),
        ] {
            let error = numbers(&format!(r#"{{"small": {number}}}"#)).unwrap_err();
            assert!(error.contains(complaint), "{number}: {error}");
        }
    }
}
