//! The options that say where the store, the queue and the cache are. Each is an environment
//! variable too.

use std::fmt;
use std::path::Path;

use tars_shared::account::password;
use tars_shared::backends::{Backend, Backends};
use tars_shared::store::backend::StoreBackend;
use tars_shared::store::postgres;

/// Where the store, the queue and the cache are.
#[derive(Clone, clap::Args)]
#[group(skip)]
pub(crate) struct Connections {
    /// Database: `postgres://USER:PASSWORD@HOST/NAME` or `sqlite:FILE`
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// A second PostgreSQL host of the same database: it answers reads while the primary is away,
    /// and takes over when it is promoted
    #[arg(
        long,
        env = "DATABASE_REPLICA_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(crate) database_replica_url: Option<String>,
    /// Queue: `amqp://USER:PASSWORD@HOST/VHOST` or `memory:`
    #[arg(long, env = "QUEUE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) queue_url: Option<String>,
    /// Cache: `redis://:PASSWORD@HOST/NUMBER` or `memory:`
    #[arg(long, env = "CACHE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) cache_url: Option<String>,
    /// Connections that this process may open to each database host
    #[arg(long = "database-connections", env = "EVAL_DATABASE_CONNECTIONS", default_value_t = 16, value_name = "N",
          value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub(crate) pool_size: u32,
    /// The predecessor's name for `DATABASE_URL`
    #[arg(long, env = "POSTGRES_URL", hide = true, hide_env_values = true)]
    pub(crate) postgres_url: Option<String>,
    /// The predecessor's name for `CACHE_URL`
    #[arg(long, env = "REDIS_URL", hide = true, hide_env_values = true)]
    pub(crate) redis_url: Option<String>,
}

/// Without URLs: they hold passwords.
impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}

impl Connections {
    /// For a process that shares its parts with others: the store and the queue must be named.
    pub(crate) fn shared(&self) -> Result<Backends, String> {
        let backends = Backends {
            store: self.store()?,
            queue: self.queue()?,
            cache: self.cache()?,
        };
        if backends.queue == Backend::Memory {
            return Err(
                "QUEUE_URL: set it to amqp://… so that API and workers meet (a queue in memory ends at its process; \
                        `tars dev` runs everything in one)"
                    .to_owned(),
            );
        }
        Ok(backends)
    }

    /// For a process that may be all there is: what is not named is embedded, with its data in this
    /// folder.
    pub(crate) fn embedded_in(&self, data: &Path) -> Result<Backends, String> {
        let store = if self.database().is_some() {
            self.store()?
        } else {
            Backends::embedded(data).store
        };
        Ok(Backends {
            store,
            queue: self.queue()?,
            cache: self.cache()?,
        })
    }

    /// Refuses passwords that manuals use as examples.
    ///
    /// # Errors
    /// The names of the variables, without the passwords.
    pub(crate) fn check_passwords(&self) -> Result<(), String> {
        let urls = [
            ("DATABASE_URL", self.database_url.as_deref()),
            ("DATABASE_REPLICA_URL", self.database_replica_url.as_deref()),
            ("POSTGRES_URL", self.postgres_url.as_deref()),
            ("QUEUE_URL", self.queue_url.as_deref()),
            ("CACHE_URL", self.cache_url.as_deref()),
            ("REDIS_URL", self.redis_url.as_deref()),
        ];
        let bad = |(_, url): &(_, Option<&str>)| {
            named(*url).and_then(password_of).is_some_and(is_example)
        };
        let names: Vec<_> = urls.into_iter().filter(bad).map(|(name, _)| name).collect();
        if names.is_empty() {
            return Ok(());
        }
        Err(format!(
            "{}: the password is an example that everybody tries first: choose another",
            names.join(", ")
        ))
    }

    /// Which database holds the store.
    pub(crate) fn store(&self) -> Result<StoreBackend, String> {
        let url = self
            .database()
            .ok_or("DATABASE_URL: set it to postgres://USER:PASSWORD@HOST/NAME or sqlite:FILE")?;
        match scheme(url) {
            "postgres" | "postgresql" => Ok(StoreBackend::Postgres(postgres::Settings {
                urls: std::iter::once(url)
                    .chain(named(self.database_replica_url.as_deref()))
                    .map(str::to_owned)
                    .collect(),
                connections: self.pool_size,
                follow_database_clock: true,
            })),
            "sqlite" => {
                let file = url.trim_start_matches("sqlite:").trim_start_matches("//");
                if file.is_empty() {
                    return Err("DATABASE_URL: name the file, as in sqlite:tars.db".to_owned());
                }
                Ok(StoreBackend::Sqlite(file.into()))
            }
            other => Err(format!(
                "DATABASE_URL: unknown scheme \"{other}\": expected postgres://… or sqlite:FILE"
            )),
        }
    }

    fn database(&self) -> Option<&str> {
        named(self.database_url.as_deref()).or(named(self.postgres_url.as_deref()))
    }

    fn queue(&self) -> Result<Backend, String> {
        backend(
            "QUEUE_URL",
            named(self.queue_url.as_deref()),
            &["amqp", "amqps"],
            "amqp://…",
        )
    }

    fn cache(&self) -> Result<Backend, String> {
        let url = named(self.cache_url.as_deref()).or(named(self.redis_url.as_deref()));
        backend("CACHE_URL", url, &["redis", "rediss"], "redis://…")
    }
}

/// An empty variable names nothing: that is how compose files and charts leave one out.
fn named(url: Option<&str>) -> Option<&str> {
    url.map(str::trim).filter(|url| !url.is_empty())
}

/// The password in a URL.
fn password_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (credentials, _) = rest.split('/').next()?.rsplit_once('@')?;
    credentials
        .split_once(':')
        .map(|(_, password)| password)
        .filter(|password| !password.is_empty())
}

/// Whether a password is one that everybody tries first. Those of machines may be short: networks
/// and sockets protect them too.
fn is_example(password: &str) -> bool {
    const NAMES: [&str; 6] = ["postgres", "tars", "rabbitmq", "redis", "root", "test"];
    password::is_example(password) || NAMES.contains(&password.to_ascii_lowercase().as_str())
}

fn scheme(url: &str) -> &str {
    url.split_once(':').map_or("", |(scheme, _)| scheme)
}

fn backend(
    variable: &str,
    url: Option<&str>,
    server: &[&str],
    example: &str,
) -> Result<Backend, String> {
    match url {
        None => Ok(Backend::Memory),
        Some(url) if scheme(url) == "memory" => Ok(Backend::Memory),
        Some(url) if server.contains(&scheme(url)) => Ok(Backend::Server(url.to_owned())),
        // A URL without a scheme may begin with a password, so only what precedes the first colon
        // is shown.
        Some(url) => Err(format!(
            "{variable}: unknown scheme \"{}\": expected {example} or memory:",
            scheme(url)
        )),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        connections: Connections,
    }

    fn connections(arguments: &[&str]) -> Connections {
        Program::parse_from(std::iter::once("program").chain(arguments.iter().copied())).connections
    }

    #[test]
    fn schemes_choose_the_adapters() {
        let all = [
            "--database-url",
            "postgres://a:b@h/d",
            "--queue-url",
            "amqp://h",
            "--cache-url",
            "redis://h",
        ];
        let backends = connections(&all).shared().unwrap();
        assert!(
            matches!(backends.store, StoreBackend::Postgres(settings) if settings.urls == ["postgres://a:b@h/d"])
        );
        assert_eq!(backends.queue, Backend::Server("amqp://h".to_owned()));
        assert_eq!(backends.cache, Backend::Server("redis://h".to_owned()));
        let files = connections(&["--database-url", "sqlite:x.db"])
            .embedded_in(Path::new("data"))
            .unwrap();
        assert!(matches!(files.store, StoreBackend::Sqlite(path) if path == Path::new("x.db")));
        let nothing = connections(&[]).embedded_in(Path::new("data")).unwrap();
        assert!(
            matches!(nothing.store, StoreBackend::Sqlite(path) if path == Path::new("data/tars.db"))
        );
        assert_eq!(
            (nothing.queue, nothing.cache),
            (Backend::Memory, Backend::Memory)
        );
    }

    #[test]
    fn the_predecessors_names_are_understood() {
        let old = [
            "--postgres-url",
            "postgresql://h/d",
            "--redis-url",
            "redis://h",
            "--queue-url",
            "amqp://h",
        ];
        let backends = connections(&old).shared().unwrap();
        assert!(
            matches!(backends.store, StoreBackend::Postgres(settings) if settings.urls == ["postgresql://h/d"])
        );
        assert_eq!(backends.cache, Backend::Server("redis://h".to_owned()));
    }

    #[test]
    fn example_passwords_are_named_by_their_variable() {
        let check = |arguments: &[&str]| connections(arguments).check_passwords();
        for url in [
            "postgres://u:postgres@h/d",
            "postgres://u:password@h/d",
            "postgres://u:changeme1@h/d",
        ] {
            let complaint = check(&["--database-url", url]).unwrap_err();
            assert!(complaint.starts_with("DATABASE_URL: "), "{complaint}");
        }
        let both = [
            "--queue-url",
            "amqp://guest:guest@h",
            "--cache-url",
            "redis://:redis@h",
        ];
        assert!(
            check(&both)
                .unwrap_err()
                .starts_with("QUEUE_URL, CACHE_URL: ")
        );
        assert_eq!(
            check(&[
                "--database-url",
                "postgres://u:k3Wq9xRt@h/d",
                "--cache-url",
                "redis://h"
            ]),
            Ok(())
        );
    }

    #[test]
    fn errors_name_the_variable_and_the_fix_but_no_password() {
        let complaint = |arguments: &[&str]| connections(arguments).shared().unwrap_err();
        let database = ["--database-url", "postgres://h/d"];
        assert!(
            complaint(&[]).starts_with("DATABASE_URL: set it to"),
            "{}",
            complaint(&[])
        );
        assert!(
            complaint(&database).starts_with("QUEUE_URL: set it to amqp://"),
            "{}",
            complaint(&database)
        );
        let mysql = complaint(&["--database-url", "mysql://u:secret@h/d"]);
        assert!(
            mysql.contains("\"mysql\"") && !mysql.contains("secret"),
            "{mysql}"
        );
        let kafka = complaint(&[&database[..], &["--queue-url", "kafka://u:secret@h"]].concat());
        assert!(
            kafka.starts_with("QUEUE_URL") && !kafka.contains("secret"),
            "{kafka}"
        );
    }
}
