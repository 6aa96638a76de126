//! The API's options. Each is an environment variable too.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use tars_shared::account::secret::Secret;
use tars_shared::account::{Name, password};
use tars_shared::dead_letter::Keeping;
use tars_shared::mode::Mode;
use tars_shared::webhook::Webhooks;
use zeroize::Zeroizing;

pub use crate::fairness::Fairness;
pub use crate::limits::Limits;

/// The fewest bytes of the secret that tokens are signed with: as many as HS256 has (RFC 7518,
/// section 3.2).
const SECRET_BYTES: usize = 32;

/// The API's options.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Config {
    /// Address to listen on; put a proxy that speaks TLS before any other than loopback
    #[arg(
        long,
        env = "EVAL_HOST",
        default_value = "127.0.0.1",
        value_name = "ADDRESS"
    )]
    pub host: IpAddr,
    /// Port to listen on; 0 takes any free one
    #[arg(long, env = "EVAL_PORT", default_value_t = 8099, value_name = "PORT")]
    pub port: u16,
    /// Secrets.
    #[command(flatten)]
    pub secrets: Secrets,
    /// Networks of proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8 [default: none]
    #[arg(long, env = "EVAL_TRUSTED_PROXIES", value_delimiter = ',', value_name = "NETWORK,…", value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,
    /// Origins whose pages may call the API from a browser, such as `https://tars.example.org`
    /// [default: none]
    #[arg(long, env = "EVAL_CORS_ORIGINS", value_delimiter = ',', value_name = "ORIGIN,…", value_parser = origin)]
    pub cors_origins: Vec<String>,
    /// Connections at one time; others wait
    #[arg(long, env = "EVAL_MAX_CONNECTIONS", default_value_t = 4096, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_connections: u32,
    /// Connections at one time from one address that is no trusted proxy; others are closed
    #[arg(long, env = "EVAL_MAX_CONNECTIONS_PER_ADDRESS", default_value_t = 512, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_connections_per_address: u32,
    /// Seconds that the headers of a request may take, and that a kept connection may wait for the
    /// next one
    #[arg(long, env = "EVAL_HEADER_TIMEOUT", default_value_t = 10, value_name = "SECONDS",
          value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub header_timeout_seconds: u32,
    /// Seconds within which the workers that are wanted would do all that waits and runs
    #[arg(long, env = "EVAL_SCALE_TARGET_SECONDS", default_value_t = 30, value_name = "SECONDS",
          value_parser = clap::value_parser!(u32).range(1..=86400))]
    pub scale_target_seconds: u32,
    /// Seconds that a job of high priority may wait before it counts as overdue
    #[arg(long, env = "EVAL_OVERDUE_HIGH_SECONDS", default_value_t = 300, value_name = "SECONDS",
          value_parser = clap::value_parser!(u32).range(1..=31_536_000))]
    pub overdue_high_seconds: u32,
    /// Seconds that a job of normal priority may wait
    #[arg(long, env = "EVAL_OVERDUE_NORMAL_SECONDS", default_value_t = 3600, value_name = "SECONDS",
          value_parser = clap::value_parser!(u32).range(1..=31_536_000))]
    pub overdue_normal_seconds: u32,
    /// Seconds that a job of low priority may wait
    #[arg(long, env = "EVAL_OVERDUE_LOW_SECONDS", default_value_t = 86_400, value_name = "SECONDS",
          value_parser = clap::value_parser!(u32).range(1..=31_536_000))]
    pub overdue_low_seconds: u32,
    /// Memory for jobs that have ended and may be asked for again, in MiB; 0 asks the shared cache
    /// each time
    #[arg(
        long,
        env = "EVAL_JOB_CACHE_MIB",
        default_value_t = 64,
        value_name = "MIB"
    )]
    pub job_cache_mib: u32,
    /// How long what has ended is kept, and how often it is replayed.
    #[arg(skip)]
    pub keeping: Keeping,
    /// What keeps submitters out of each other's way.
    #[command(flatten)]
    pub fairness: Fairness,
    /// Rate limits.
    #[command(flatten)]
    pub limits: Limits,
    /// How webhooks are sent: options that API and worker share.
    #[arg(skip)]
    pub webhooks: Webhooks,
}

impl Config {
    /// How long jobs of each [`Priority`](tars_shared::request::Priority) may wait.
    pub(crate) fn allowed_waits(&self) -> [Duration; 3] {
        [
            self.overdue_high_seconds,
            self.overdue_normal_seconds,
            self.overdue_low_seconds,
        ]
        .map(|seconds| Duration::from_secs(seconds.into()))
    }
}

/// Secrets. Better given as environment variables: command lines are seen by every user of a
/// machine.
#[derive(Clone, clap::Args)]
#[group(skip)]
pub struct Secrets {
    /// Secret that signing keys are derived from, at least 32 bytes, the same for every API
    /// process; changing it logs everybody out (`openssl rand -base64 48` makes one)
    #[arg(
        long,
        env = "JWT_SECRET_KEY",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    pub jwt_secret_key: Option<String>,
    /// Name of the first administrator, who is added when there is no user yet
    #[arg(
        long,
        env = "EVAL_ADMIN_NAME",
        default_value = "admin",
        value_name = "NAME"
    )]
    pub admin_name: Name,
    /// Password of the first administrator [default: none is added; see `tars user add`]
    #[arg(
        long,
        env = "EVAL_ADMIN_PASSWORD",
        hide_env_values = true,
        value_name = "PASSWORD"
    )]
    pub admin_password: Option<String>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

impl Secrets {
    /// The secret that tokens are signed with. In development a missing one is made up for this
    /// run.
    ///
    /// # Errors
    /// The variable that is missing, short or an example, and what to do.
    pub fn token_secret(&self, mode: Mode) -> Result<Zeroizing<String>, String> {
        let given = self
            .jwt_secret_key
            .as_deref()
            .map(str::trim)
            .filter(|secret| !secret.is_empty());
        let Some(secret) = given else {
            return match mode {
                Mode::Production => Err(format!(
                    "JWT_SECRET_KEY: is missing; set it to at least {SECRET_BYTES} random bytes, as `openssl rand -base64 48` \
                     makes them"
                )),
                Mode::Development => {
                    Secret::service().map(|secret| Zeroizing::new(secret.expose().to_owned()))
                }
            };
        };
        if secret.len() < SECRET_BYTES {
            return Err(format!(
                "JWT_SECRET_KEY: has {} bytes, at least {SECRET_BYTES} are needed",
                secret.len()
            ));
        }
        if password::is_example(secret) {
            return Err("JWT_SECRET_KEY: is an example that everybody tries first".to_owned());
        }
        Ok(Zeroizing::new(secret.to_owned()))
    }

    /// The first administrator's password, if one is given.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn first_password(&self) -> Result<Option<Zeroizing<String>>, String> {
        let given = self
            .admin_password
            .as_deref()
            .filter(|password| !password.is_empty());
        let Some(password) = given else {
            return Ok(None);
        };
        password::check(password)
            .map_err(|complaint| format!("EVAL_ADMIN_PASSWORD: {complaint}"))?;
        Ok(Some(Zeroizing::new(password.to_owned())))
    }
}

/// A network, or a single address.
fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    text.parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "write it as 10.0.0.0/8 or 10.1.2.3".to_owned())
}

/// An origin as browsers send it.
fn origin(text: &str) -> Result<String, String> {
    let text = text.trim();
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    if !host.is_empty() && host.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("write it as https://tars.example.org, without a path; * is not taken".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(key: Option<&str>, password: Option<&str>) -> Secrets {
        Secrets {
            jwt_secret_key: key.map(str::to_owned),
            admin_name: "admin".parse().unwrap(),
            admin_password: password.map(str::to_owned),
        }
    }

    #[test]
    fn production_wants_a_real_secret_and_says_which() {
        for bad in [
            None,
            Some(""),
            Some("short"),
            Some("changeme-changeme-changeme-changeme"),
            Some(&"a".repeat(40)),
        ] {
            let complaint = secrets(bad, None)
                .token_secret(Mode::Production)
                .unwrap_err();
            assert!(complaint.starts_with("JWT_SECRET_KEY: "), "{complaint}");
            assert!(
                bad.is_none_or(|bad| bad.is_empty() || !complaint.contains(bad)),
                "{complaint}"
            );
        }
        assert!(
            secrets(Some("short"), None)
                .token_secret(Mode::Development)
                .is_err()
        );
        let made_up = || secrets(None, None).token_secret(Mode::Development).unwrap();
        assert!(made_up().len() >= SECRET_BYTES && made_up() != made_up());
        let real = "kq3Z0vJc6yRr1uT8wXe5bN2mPa9sLd4fGh7jKi0oQ";
        assert_eq!(
            *secrets(Some(real), None)
                .token_secret(Mode::Production)
                .unwrap(),
            real
        );
    }

    #[test]
    fn the_first_administrator_needs_a_real_password() {
        assert_eq!(secrets(None, None).first_password(), Ok(None));
        let complaint = secrets(None, Some("admin")).first_password().unwrap_err();
        assert!(
            complaint.starts_with("EVAL_ADMIN_PASSWORD: "),
            "{complaint}"
        );
        assert!(
            secrets(None, Some("wer reitet so spaet"))
                .first_password()
                .unwrap()
                .is_some()
        );
        assert!(!format!("{:?}", secrets(Some("key"), Some("word"))).contains("key"));
    }

    #[test]
    fn networks_and_origins_are_told_from_nonsense() {
        assert!(network("10.0.0.0/8").is_ok() && network("::1").is_ok() && network("ten").is_err());
        for bad in ["*", "null", "https://", "https://a/b", "a.example"] {
            assert!(origin(bad).is_err(), "{bad}");
        }
        assert!(origin("http://localhost:3000").is_ok());
    }
}
