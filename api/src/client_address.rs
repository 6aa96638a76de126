//! Where a request comes from. What proxies say counts only if the proxy is trusted.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use warp::http::HeaderMap;

/// Proxies whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    pub(crate) fn new(trusted: Vec<IpNet>) -> Self {
        Self(trusted)
    }

    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|net| net.contains(&address))
    }

    /// The client behind a connection. Each trusted proxy appended the address that it saw, so the
    /// list is read from its end, up to the first one that is no proxy of ours. What stands before
    /// it is the client's own invention.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.trusts(client) {
            return client;
        }
        let lines: Vec<_> = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|line| line.to_str().ok())
            .collect();
        for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            let Some(address) = parse(hop.trim()) else {
                break;
            };
            client = address.to_canonical();
            if !self.trusts(client) {
                break;
            }
        }
        client
    }
}

/// An address, with or without a port: some load balancers append it.
fn parse(hop: &str) -> Option<IpAddr> {
    hop.parse()
        .ok()
        .or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// What an address counts as. Whoever has one IPv6 address has all 2^64 of its network.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let proxies = TrustedProxies::new(trusted.iter().map(|net| net.parse().unwrap()).collect());
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(client(&[], "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(
            client(&["10.0.0.0/8"], "192.0.2.1", &["198.51.100.7"]),
            "192.0.2.1"
        );
        assert_eq!(
            client(&["10.0.0.0/8"], "10.1.2.3", &["198.51.100.7"]),
            "198.51.100.7"
        );
        assert_eq!(
            client(&["10.0.0.0/8"], "::ffff:10.1.2.3", &["198.51.100.7"]),
            "198.51.100.7"
        );
        assert_eq!(client(&["10.0.0.0/8"], "10.1.2.3", &[]), "10.1.2.3");
        assert_eq!(
            client(&["10.0.0.0/8"], "10.1.2.3", &["198.51.100.7:5555"]),
            "198.51.100.7"
        );
    }

    #[test]
    fn what_the_client_made_up_is_not_read() {
        assert_eq!(
            client(
                &["10.0.0.0/8"],
                "10.1.2.3",
                &["1.1.1.1, 198.51.100.7, 10.9.9.9"]
            ),
            "198.51.100.7"
        );
        assert_eq!(
            client(&["10.0.0.0/8"], "10.1.2.3", &["1.1.1.1", "198.51.100.7"]),
            "198.51.100.7"
        );
        assert_eq!(
            client(&["10.0.0.0/8"], "10.1.2.3", &["1.1.1.1, nonsense"]),
            "10.1.2.3"
        );
    }

    #[test]
    fn one_ipv6_network_is_one_caller() {
        let network = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::9"));
        assert_ne!(network("2001:db8:1:2::9"), network("2001:db8:1:3::9"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
