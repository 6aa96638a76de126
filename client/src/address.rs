//! Where the service is.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use reqwest::Url;

/// The address of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(Url);

/// Why a text is no address of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidAddress(String);

impl std::error::Error for InvalidAddress {}

impl fmt::Display for InvalidAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Address {
    /// The address without a slash at its end.
    pub fn base(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// The port, named or implied.
    pub fn port(&self) -> Option<u16> {
        self.0.port_or_known_default()
    }

    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        let host = host.trim_matches(['[', ']']);
        host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.base())
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let invalid = |reason: &str| Err(InvalidAddress(reason.to_owned()));
        let Ok(url) = Url::parse(text) else {
            return invalid("not a URL such as http://127.0.0.1:8099");
        };
        match url.scheme() {
            "http" if url.query().is_none() && url.fragment().is_none() => Ok(Self(url)),
            "http" => invalid("give the address alone, such as http://127.0.0.1:8099"),
            "https" => invalid(
                "this build speaks no TLS: use http, through a tunnel where the network is not yours",
            ),
            scheme => invalid(&format!(
                "{scheme}: is not http, as in http://127.0.0.1:8099"
            )),
        }
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
            assert!(good.parse::<Address>().is_ok(), "{good}");
        }
        for bad in [
            "https://example.org",
            "127.0.0.1:8099",
            "localhost:8099",
            "http://a/?b=c",
            "http://a/#b",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
        let complaint = "https://example.org".parse::<Address>().unwrap_err();
        assert!(complaint.to_string().contains("TLS"), "{complaint}");
    }

    #[test]
    fn loopback_is_told_from_other_hosts() {
        for (address, loopback) in [
            ("http://127.0.0.1:1", true),
            ("http://[::1]", true),
            ("http://localhost/x", true),
            ("http://example.org", false),
        ] {
            let address: Address = address.parse().unwrap();
            assert_eq!(address.is_loopback(), loopback, "{address}");
        }
    }
}
