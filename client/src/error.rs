//! Why a request gave no answer, in words that a person can act on.

use std::fmt::{self, Write as _};

use reqwest::StatusCode;
use serde::Deserialize;

use crate::address::Address;

/// Why a request gave no answer.
#[derive(Debug)]
pub enum Error {
    /// Nothing listens there.
    Unreachable {
        /// Where.
        server: Address,
        /// What the network said.
        reason: String,
    },
    /// The answer did not come, or broke off.
    Lost {
        /// From where.
        server: Address,
        /// What the network said.
        reason: String,
    },
    /// The service serves nobody without a token, and none was sent.
    NoToken {
        /// Who wants it.
        server: Address,
    },
    /// The service said no.
    Refused(Problem),
    /// Whatever answered is not the service, or another version of it.
    Strange {
        /// Who answered.
        server: Address,
        /// What is strange.
        reason: String,
    },
}

/// What the service says when it says no: RFC 9457.
#[derive(Debug, Deserialize)]
pub struct Problem {
    status: u16,
    title: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    errors: Vec<FieldError>,
}

#[derive(Debug, Deserialize)]
struct FieldError {
    field: String,
    message: String,
}

impl Error {
    pub(crate) fn transport(server: &Address, error: &reqwest::Error) -> Self {
        let (server, reason) = (server.clone(), root(error));
        if error.is_connect() {
            Self::Unreachable { server, reason }
        } else if error.is_timeout() {
            let reason = "no answer in time".to_owned();
            Self::Lost { server, reason }
        } else {
            Self::Lost { server, reason }
        }
    }

    pub(crate) fn unreadable(server: &Address, error: &serde_json::Error) -> Self {
        Self::Strange {
            server: server.clone(),
            reason: format!("its answer cannot be read: {error}"),
        }
    }

    pub(crate) fn refusal(server: &Address, status: StatusCode, body: &[u8]) -> Self {
        serde_json::from_slice(body).map_or_else(
            |_| Self::Strange {
                server: server.clone(),
                reason: format!("it answered {status} without saying why"),
            },
            Self::Refused,
        )
    }

    /// Whether the service may give another answer soon.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Lost { .. } => true,
            Self::Refused(problem) => problem.status >= 500 || problem.status == 429,
            Self::NoToken { .. } | Self::Strange { .. } => false,
        }
    }
}

/// The cause at the bottom says most: "Connection refused" rather than "error sending request".
fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { server, reason } => {
                write!(f, "no service answers at {server} ({reason})")
            }
            Self::Lost { server, reason } => write!(f, "the answer of {server} got lost: {reason}"),
            Self::NoToken { server } => write!(f, "{server} wants a token"),
            Self::Refused(problem) => problem.fmt(f),
            Self::Strange { server, reason } => {
                write!(
                    f,
                    "{server} is not a T.A.R.S. service of this version: {reason}"
                )
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.errors.as_slice() {
            [] if self.detail.is_empty() => {
                write!(f, "the service answers {} {}", self.status, self.title)
            }
            [] => f.write_str(&self.detail),
            errors => {
                let mut separator = "";
                for FieldError { field, message } in errors {
                    f.write_str(separator)?;
                    if !field.is_empty() {
                        write!(f, "{field}: ")?;
                    }
                    f.write_str(message)?;
                    separator = "\n      ";
                }
                Ok(())
            }
        }?;
        if self.status >= 500 {
            f.write_char('.')?;
            f.write_str(" The service's log says more")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &str) -> String {
        let server = "http://example.org".parse().unwrap();
        Error::refusal(&server, StatusCode::UNPROCESSABLE_ENTITY, body.as_bytes()).to_string()
    }

    #[test]
    fn each_field_has_its_line() {
        let text = refusal(
            r#"{"type":"about:blank","title":"Unprocessable Entity","status":422,"code":"invalid_value","detail":"…",
                "errors":[{"field":"seed","message":"must be from 0"},{"field":"environments[0]","message":"is unknown"}]}"#,
        );
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        assert_eq!(
            lines,
            ["seed: must be from 0", "environments[0]: is unknown"]
        );
    }

    #[test]
    fn what_is_no_problem_document_is_no_service_of_ours() {
        let text = refusal("<html>");
        assert!(
            text.contains("http://example.org is not a T.A.R.S. service"),
            "{text}"
        );
        assert!(text.contains("422"), "{text}");
    }
}
