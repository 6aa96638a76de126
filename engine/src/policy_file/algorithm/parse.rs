//! Algorithms by their names, in any case.

use std::str::FromStr;

use super::Algorithm;
use crate::policy_file::error::Error;
use crate::quote::quote;

impl FromStr for Algorithm {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| Error::UnknownAlgorithm { name: quote(text) })
    }
}

impl TryFrom<String> for Algorithm {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}
