//! SQL through Postgres' own client, so that this crate needs no driver.

use crate::binary;
use crate::error::Error;
use crate::error::doing;
use crate::secret::secret;
use std::process::Command;

/// A database that nobody else uses.
#[derive(Clone, Debug)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub url: String,
}

impl Database {
    /// Creates one on the server at this URL, whose user must be allowed to.
    pub(crate) fn create_at(url: &str) -> Result<Self, Error> {
        let name = format!("tars_test_{}", secret());
        query(url, &format!("create database {name}"))?;
        Ok(Self {
            url: Parts::of(url)?.with_database(&name),
            name,
        })
    }

    /// Executes SQL in it and returns what comes back: a line per row, `|` between columns.
    pub fn query(&self, sql: &str) -> Result<String, Error> {
        query(&self.url, sql)
    }
}

/// Executes SQL and returns what comes back.
pub(crate) fn query(url: &str, sql: &str) -> Result<String, Error> {
    let parts = Parts::of(url)?;
    let output = Command::new(binary::find("psql", "postgresql-client")?)
        .args([
            "--no-psqlrc",
            "--no-align",
            "--tuples-only",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
        ])
        .args(["--dbname", &parts.without_password(), "--command", sql])
        // Arguments can be read by every user of the machine, the environment cannot.
        .env("PGPASSWORD", parts.password)
        // A frozen server must not hang whoever asks it.
        .env("PGCONNECT_TIMEOUT", "3")
        .output()
        .map_err(doing("starting psql"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(Error::Failed {
        name: format!("psql ({sql})"),
        status: output.status,
        output: text(&output.stderr),
    })
}

/// `before` + `:password` + `@host:port/` + `database` + `?parameters`.
struct Parts<'a> {
    before: &'a str,
    password: &'a str,
    host: &'a str,
    database: &'a str,
    parameters: &'a str,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Result<Self, Error> {
        let bad = |why| Error::Url {
            url: url.rsplit('@').next().unwrap_or_default().to_owned(),
            why,
        };
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| bad("it has no scheme"))?;
        let (rest, parameters) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = user.split_once(':').unwrap_or((user, ""));
        Ok(Self {
            before: &url[..scheme.len() + "://".len() + user.len()],
            password,
            host,
            database,
            parameters,
        })
    }

    fn at(&self) -> &'static str {
        if self.before.ends_with("://") {
            ""
        } else {
            "@"
        }
    }

    fn without_password(&self) -> String {
        let Self {
            before,
            host,
            database,
            parameters,
            ..
        } = self;
        format!("{before}{}{host}/{database}{parameters}", self.at())
    }

    fn with_database(&self, name: &str) -> String {
        let Self {
            before,
            password,
            host,
            parameters,
            ..
        } = self;
        let colon = if password.is_empty() { "" } else { ":" };
        format!(
            "{before}{colon}{password}{}{host}/{name}{parameters}",
            self.at()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Parts;

    #[test]
    fn only_the_database_changes_between_urls() {
        for (url, other) in [
            (
                "postgres://u:p@h:5/a?sslmode=disable",
                "postgres://u:p@h:5/b?sslmode=disable",
            ),
            ("postgresql://u@h/a", "postgresql://u@h/b"),
            ("postgres://h:5", "postgres://h:5/b"),
        ] {
            assert_eq!(Parts::of(url).unwrap().with_database("b"), other);
        }
    }

    #[test]
    fn the_password_is_not_among_the_arguments() {
        let parts = Parts::of("postgres://u:secret@h:5/a?x=y").unwrap();
        assert_eq!(
            (parts.without_password().as_str(), parts.password),
            ("postgres://u@h:5/a?x=y", "secret")
        );
    }
}
