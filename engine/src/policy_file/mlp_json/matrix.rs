//! A matrix as JSON rows, read straight into one vector, so that no file costs more memory than its
//! numbers.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};

use crate::policy_file::limits::{MAX_PARAMETERS, MAX_WIDTH};

/// A matrix with at least one row, whose rows have the same length.
pub(super) struct Matrix {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Row by row.
    pub(super) values: Vec<f32>,
}

impl<'de> Deserialize<'de> for Matrix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Rows)
    }
}

struct Rows;

impl<'de> Visitor<'de> for Rows {
    type Value = Matrix;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a matrix as an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Matrix, A::Error> {
        let (mut rows, mut columns, mut values) = (0, 0, Vec::new());
        while let Some(length) = sequence.next_element_seed(Row(&mut values))? {
            if rows == 0 {
                columns = length;
            }
            if length == 0 || length != columns {
                return Err(A::Error::custom(format!(
                    "row {rows} of a weight has {length} values, the first row {columns}"
                )));
            }
            rows += 1;
        }
        if !(1..=MAX_WIDTH).contains(&rows) {
            return Err(A::Error::custom(format!(
                "a weight has {rows} rows; from 1 to {MAX_WIDTH} are accepted"
            )));
        }
        Ok(Matrix {
            rows,
            columns,
            values,
        })
    }
}

/// Appends one row and returns its length.
struct Row<'a>(&'a mut Vec<f32>);

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = usize;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a row of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<usize, A::Error> {
        let before = self.0.len();
        while let Some(value) = sequence.next_element()? {
            if self.0.len() == MAX_PARAMETERS {
                return Err(A::Error::custom(format!(
                    "a weight has more than {MAX_PARAMETERS} values"
                )));
            }
            self.0.push(value);
        }
        Ok(self.0.len() - before)
    }
}
