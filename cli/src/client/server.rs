//! Which service to talk to.

use std::ops::Deref;

use anyhow::Context as _;
use tars_client::{Address, Client};

use super::token::TokenOption;

/// Where `tars dev` listens unless it is told otherwise.
const DEFAULT: &str = "http://127.0.0.1:8099";

/// The service to talk to.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Server {
    /// The service to talk to
    #[arg(long = "server", env = "TARS_SERVER", default_value = DEFAULT, value_name = "URL",
          global = true, display_order = 900)]
    url: Address,
    #[command(flatten)]
    token: TokenOption,
}

impl Server {
    /// The service at this address.
    pub(crate) fn at(url: &str) -> anyhow::Result<Self> {
        Ok(Self {
            url: url.parse()?,
            token: TokenOption::default(),
        })
    }

    /// A client of it, with the token that the user has.
    pub(crate) fn connect(&self) -> anyhow::Result<Connection> {
        let token = self.token.read()?;
        self.connect_with(token.as_deref().map(String::as_str))
    }

    /// A client of it, with this token.
    pub(crate) fn connect_with(&self, token: Option<&str>) -> anyhow::Result<Connection> {
        let client = Client::new(self.url.clone(), token).context("cannot show the token")?;
        Ok(Connection {
            client,
            server: self.clone(),
        })
    }

    /// The address without a slash at its end.
    pub(crate) fn base(&self) -> &str {
        self.url.base()
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
}

/// A client of the service, and how the user named it.
#[derive(Debug)]
pub(crate) struct Connection {
    client: Client,
    server: Server,
}

impl Connection {
    /// The service, as the user named it.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }
}

impl Deref for Connection {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// How to start a service at this address, if this is the place for one.
pub(super) fn start_command(address: &Address) -> Option<String> {
    let port = address.port().filter(|_| address.is_loopback())?;
    if address.base() == DEFAULT {
        Some("tars dev".to_owned())
    } else {
        Some(format!("tars dev --port {port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_names_the_server_unless_it_is_the_default() {
        assert_eq!(Server::at("http://127.0.0.1:8099/").unwrap().option(), "");
        let other = Server::at("http://127.0.0.1:8100").unwrap();
        assert_eq!(other.option(), " --server http://127.0.0.1:8100");
        let start = |address: &str| start_command(&address.parse().unwrap());
        assert_eq!(start("http://127.0.0.1:8099").unwrap(), "tars dev");
        assert_eq!(
            start("http://127.0.0.1:8100").unwrap(),
            "tars dev --port 8100"
        );
        assert_eq!(start("http://example.org"), None);
    }
}
