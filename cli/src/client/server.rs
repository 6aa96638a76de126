//! Which service to talk to.

use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::Url;

use super::Client;
use super::token::{self, TokenOption};

/// Where `tars dev` listens unless it is told otherwise.
const DEFAULT: &str = "http://127.0.0.1:8099";
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);
/// Event streams send a sign of life every 15 seconds.
const SILENCE_PATIENCE: Duration = Duration::from_secs(40);

/// The service to talk to.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Server {
    /// The service to talk to
    #[arg(long = "server", env = "TARS_SERVER", default_value = DEFAULT, value_name = "URL", value_parser = parse,
          global = true, display_order = 900)]
    url: Url,
    #[command(flatten)]
    token: TokenOption,
}

impl Server {
    /// The service at this address.
    pub(crate) fn at(url: &str) -> anyhow::Result<Self> {
        Ok(Self {
            url: parse(url)?,
            token: TokenOption::default(),
        })
    }

    /// A client of it, with the token that the user has.
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        let token = self.token.read()?;
        self.client_with(token.as_deref().map(String::as_str))
    }

    /// A client of it, with this token.
    pub(crate) fn client_with(&self, token: Option<&str>) -> anyhow::Result<Client> {
        let headers = token.map(token::header).transpose()?.unwrap_or_default();
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("tars/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .connect_timeout(CONNECT_PATIENCE)
            .read_timeout(SILENCE_PATIENCE);
        if self.is_loopback() {
            // A proxy of the surrounding network cannot reach this machine's loopback.
            http = http.no_proxy();
        }
        let http = http.build().context("cannot set up the HTTP client")?;
        let server = self.clone();
        Ok(Client {
            http,
            server,
            has_token: token.is_some(),
        })
    }

    /// The address without a slash at its end.
    pub(crate) fn base(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// What a command line needs to reach the same service in the same way: nothing for the
    /// default.
    pub(crate) fn option(&self) -> String {
        let server = if self.base() == DEFAULT {
            String::new()
        } else {
            format!(" --server {}", self.base())
        };
        server + &self.token.option()
    }

    /// How to start a service here, if this is the place for one.
    pub(crate) fn start_command(&self) -> Option<String> {
        let port = self
            .url
            .port_or_known_default()
            .filter(|_| self.is_loopback())?;
        if self.base() == DEFAULT {
            Some("tars dev".to_owned())
        } else {
            Some(format!("tars dev --port {port}"))
        }
    }

    fn is_loopback(&self) -> bool {
        let host = self
            .url
            .host_str()
            .unwrap_or_default()
            .trim_matches(['[', ']']);
        let address = host.parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.base())
    }
}

fn parse(text: &str) -> anyhow::Result<Url> {
    let url = Url::parse(text).with_context(|| format!("not a URL such as {DEFAULT}"))?;
    match url.scheme() {
        "http" if url.query().is_none() && url.fragment().is_none() => Ok(url),
        "http" => bail!("give the address alone, such as {DEFAULT}"),
        "https" => bail!(
            "this build speaks no TLS: use http, through a tunnel where the network is not yours"
        ),
        scheme => bail!("{scheme}: is not http, as in {DEFAULT}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_addresses_are_taken() {
        for good in [
            "http://127.0.0.1:8099",
            "http://example.org/tars/",
            "http://[::1]:1",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in [
            "https://example.org",
            "127.0.0.1:8099",
            "localhost:8099",
            "http://a/?b=c",
            "http://a/#b",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        let complaint = parse("https://example.org").unwrap_err().to_string();
        assert!(complaint.contains("TLS"), "{complaint}");
    }

    #[test]
    fn the_hint_names_the_server_unless_it_is_the_default() {
        assert_eq!(Server::at("http://127.0.0.1:8099/").unwrap().option(), "");
        let other = Server::at("http://127.0.0.1:8100").unwrap();
        assert_eq!(other.option(), " --server http://127.0.0.1:8100");
        assert_eq!(other.start_command().unwrap(), "tars dev --port 8100");
        assert_eq!(
            Server::at("http://example.org").unwrap().start_command(),
            None
        );
    }
}
