//! Query strings and path segments: every value is checked before anything is asked with it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use tars_shared::request::FieldError;
use uuid::Uuid;
use warp::Filter as _;
use warp::filters::BoxedFilter;

use crate::problem::Problem;

/// The parameters of a query string that no one has taken yet.
#[derive(Debug)]
pub(crate) struct Query(BTreeMap<String, String>);

/// The query string.
pub(crate) fn query() -> BoxedFilter<(Query,)> {
    warp::query::<BTreeMap<String, String>>().map(Query).boxed()
}

impl Query {
    /// Takes a parameter out.
    pub(crate) fn take<T: FromStr<Err: Display>>(&mut self, name: &str) -> Result<Option<T>, Problem> {
        let Some(text) = self.0.remove(name) else {
            return Ok(None);
        };
        if text.contains('\0') {
            return Err(Problem::invalid_field(name, "must not contain NUL characters"));
        }
        text.parse().map(Some).map_err(|error: T::Err| Problem::invalid_field(name, error.to_string()))
    }

    /// Takes a number out that must lie within bounds.
    pub(crate) fn take_number(
        &mut self,
        name: &str,
        bounds: std::ops::RangeInclusive<u32>,
        default: u32,
    ) -> Result<u32, Problem> {
        let number = self.take(name)?.unwrap_or(default);
        if bounds.contains(&number) {
            return Ok(number);
        }
        let message = format!("must be from {} to {}", bounds.start(), bounds.end());
        Err(Problem::invalid_field(name, message))
    }

    /// Complains about parameters that no one took: a misspelt filter must not silently list everything.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        let unknown = |name| FieldError::new(name, "is not a parameter of this route");
        match self.0.into_keys().map(unknown).collect::<Vec<_>>() {
            unknown if unknown.is_empty() => Ok(()),
            unknown => Err(Problem::invalid(unknown)),
        }
    }
}

/// A job id from a path.
pub(crate) fn job_id(segment: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(segment).map_err(|_| Problem::invalid_field("job_id", "must be a UUID"))
}

/// Text that can be an environment's id. Ids outside the catalogue may be asked for, and simply find nothing.
#[derive(Debug)]
pub(crate) struct EnvironmentId(pub(crate) String);

impl FromStr for EnvironmentId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = |character: char| character.is_ascii_alphanumeric() || "-_./:".contains(character);
        if text.len() <= 128 && text.chars().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be a Gymnasium id: at most 128 letters, digits and - _ . / :")
        }
    }
}
