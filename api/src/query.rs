//! Query strings and path segments: every value is checked against its endpoint's parameters before
//! anything is asked with it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use tars_shared::request::FieldError;
use uuid::Uuid;
use warp::http::HeaderMap;

use crate::endpoint::Endpoint;
use crate::endpoint::parameter::{Location, Parameter};
use crate::problem::Problem;

/// The values of a request's path and query string. They fit the parameters of its endpoint.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values(BTreeMap<&'static str, String>);

impl Values {
    /// Checks what a request gives. `segments` stand for the parameters in the path; they and the
    /// query string are still percent-encoded.
    pub(crate) fn check(
        endpoint: Endpoint,
        segments: &[String],
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Self, Problem> {
        let parameters = endpoint.parameters();
        let mut values = BTreeMap::new();
        let mut errors = Vec::new();
        let mut take = |parameter: &Parameter, text: String| match parameter.kind.check(&text) {
            Err(complaint) => errors.push(FieldError::new(parameter.name, complaint)),
            Ok(()) if values.insert(parameter.name, text).is_some() => {
                errors.push(FieldError::new(parameter.name, "is given twice"));
            }
            Ok(()) => {}
        };
        for (parameter, segment) in parameters.iter().zip(segments) {
            take(parameter, decode(segment)?);
        }
        let mut unknown = Vec::new();
        for (name, value) in pairs(query)? {
            match parameters
                .iter()
                .find(|parameter| parameter.location == Location::Query && parameter.name == name)
            {
                Some(parameter) => take(parameter, value),
                None => unknown.push(FieldError::new(name, "is not a parameter of this endpoint")),
            }
        }
        for parameter in parameters
            .iter()
            .filter(|parameter| parameter.location == Location::Header)
        {
            for value in headers.get_all(parameter.name) {
                // What is no text fits no form.
                take(
                    parameter,
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                );
            }
        }
        errors.extend(unknown);
        if errors.is_empty() {
            Ok(Self(values))
        } else {
            Err(Problem::invalid(errors))
        }
    }

    pub(crate) fn find<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, Problem> {
        let parse = |text: &String| {
            text.parse()
                .map_err(|error: T::Err| Problem::invalid_field(name, error.to_string()))
        };
        self.0.get(name).map(parse).transpose()
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A number, or this default.
    pub(crate) fn number(&self, name: &str, default: u32) -> Result<u32, Problem> {
        Ok(self.find(name)?.unwrap_or(default))
    }

    /// The value of a parameter in the path.
    pub(crate) fn of_path<T: FromStr<Err: Display>>(&self, name: &str) -> Result<T, Problem> {
        // Paths without it lead elsewhere.
        self.find(name)?
            .ok_or_else(|| Problem::invalid_field(name, "is missing"))
    }

    pub(crate) fn id(&self) -> Result<Uuid, Problem> {
        self.of_path("id")
    }
}

fn decode(text: &str) -> Result<String, Problem> {
    let decoded = percent_decode_str(text).decode_utf8();
    Ok(decoded
        .map_err(|_| Problem::malformed("the path or query string is not UTF-8"))?
        .into_owned())
}

/// The pairs of a query string, as forms encode them.
fn pairs(query: Option<&str>) -> Result<Vec<(String, String)>, Problem> {
    let parts = query
        .unwrap_or_default()
        .split('&')
        .filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Ok((
                decode(&name.replace('+', " "))?,
                decode(&value.replace('+', " "))?,
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(endpoint: Endpoint, segments: &[&str], query: &str) -> Result<Values, Problem> {
        let segments: Vec<_> = segments.iter().map(ToString::to_string).collect();
        Values::check(endpoint, &segments, Some(query), &HeaderMap::new())
    }

    #[test]
    fn values_are_decoded_and_fit() {
        let values = check(Endpoint::ListJobs, &[], "label=team%3Ablue+green&limit=7").unwrap();
        assert_eq!(values.text("label"), Some("team:blue green"));
        assert_eq!(values.number("limit", 50).unwrap(), 7);
        assert_eq!(values.find::<String>("status").unwrap(), None);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for query in [
            "limit=0",
            "limit=1&limit=2",
            "limit=1&limit=x",
            "colour=red",
            "label=%FF",
            "status=",
            "limit",
        ] {
            assert!(check(Endpoint::ListJobs, &[], query).is_err(), "{query}");
        }
        assert!(check(Endpoint::ShowJob, &["..%2F..%2Fetc"], "").is_err());
        assert!(check(Endpoint::ShowJob, &["0192f0c12a3b7c4d8e5f001122334455"], "").is_err());
    }
}
