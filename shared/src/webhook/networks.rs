//! Where webhooks may go. Submitters name the address, and the service sits where they do not: on a
//! network with databases, brokers and the metadata of its machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Private networks that webhooks may go to nevertheless. The default names none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

/// The shortest prefixes of networks that may be somebody's own: 10.0.0.0/8 and `fd00::/16`.
const SHORTEST_OWN: (u8, u8) = (8, 16);

impl Networks {
    /// These.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// All there are: for tests and machines of one's own.
    pub fn everything() -> Self {
        Self(vec![
            IpNet::from(ipnet::Ipv4Net::default()),
            IpNet::from(ipnet::Ipv6Net::default()),
        ])
    }

    /// Whether one of them is wider than anybody's own network: then there is hardly a check left.
    pub fn is_wide_open(&self) -> bool {
        self.0.iter().any(|network| match network {
            IpNet::V4(network) => network.prefix_len() < SHORTEST_OWN.0,
            IpNet::V6(network) => network.prefix_len() < SHORTEST_OWN.1,
        })
    }

    /// Whether webhooks may go to this address.
    ///
    /// # Errors
    /// What it is instead of a public one, and what an operator can do.
    pub fn admit(&self, address: IpAddr) -> Result<(), String> {
        let address = address.to_canonical();
        match special(address) {
            Some(kind) if !self.0.iter().any(|network| network.contains(&address)) => Err(format!(
                "leads to {address}, which is {kind}: webhooks go to public addresses, and to networks that \
                 EVAL_WEBHOOK_ALLOW_PRIVATE names"
            )),
            _ => Ok(()),
        }
    }
}

/// Reads one network: `10.0.0.0/8`, or a single address.
///
/// # Errors
/// What one looks like.
pub fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    text.parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| format!("{text:?} is no network such as 10.0.0.0/8"))
}

/// What an address is, if it is no public one (IANA's registries of special-purpose addresses).
fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    let kind = match address.octets() {
        [0, ..] => "unspecified",
        [127, ..] => "loopback",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "private",
        [100, 64..=127, ..] => "shared by a carrier (CGNAT)",
        [169, 254, ..] => "link-local, where machines find their metadata",
        // Public by its number, and the host of the virtual machine by its meaning.
        [168, 63, 129, 16] => "the metadata service of a cloud",
        [192, 0, 0, _] | [192, 88, 99, _] | [198, 18..=19, ..] => "reserved for protocols",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "reserved for documentation",
        [224..=239, ..] => "multicast",
        [240..=255, ..] => "reserved",
        _ => return None,
    };
    Some(kind)
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    let kind = match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => "unspecified",
        [0, 0, 0, 0, 0, 0, 0, 1] => "loopback",
        // NAT64 carries an IPv4 address to its network.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            return special_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
        }
        [0xfe80..=0xfebf, ..] => "link-local",
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => "private",
        [0xff00..=0xffff, ..] => "multicast",
        [0x2002, ..] | [0x2001, 0, ..] => "a tunnel to an IPv4 address",
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => "reserved for documentation",
        [0x2001, 0..=0x01ff, ..] => "reserved for protocols",
        [0x2000..=0x3fff, ..] => return None,
        _ => "reserved",
    };
    Some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_public_addresses_are_asked() {
        let strict = Networks::default();
        for hostile in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::10.0.0.1",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            let refusal = strict.admit(address(hostile)).unwrap_err();
            assert!(refusal.starts_with("leads to "), "{hostile}: {refusal}");
            assert_eq!(Networks::everything().admit(address(hostile)), Ok(()));
        }
        for public in [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00:1450::1",
        ] {
            assert_eq!(strict.admit(address(public)), Ok(()), "{public}");
        }
    }

    #[test]
    fn what_is_allowed_is_allowed_alone() {
        let own = Networks::new(vec![
            network("10.1.0.0/16").unwrap(),
            network("::1").unwrap(),
        ]);
        for (text, allowed) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("::1", true),
            ("10.2.0.1", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(own.admit(address(text)).is_ok(), allowed, "{text}");
        }
        assert!(network("10.0.0.0/33").is_err() && network("example.org").is_err());
        for (text, wide) in [
            ("0.0.0.0/0", true),
            ("0.0.0.0/1", true),
            ("8.0.0.0/7", true),
            ("10.0.0.0/8", false),
            ("::/0", true),
            ("::1/128", false),
            ("fd00::/16", false),
        ] {
            let networks = Networks::new(vec![network(text).unwrap()]);
            assert_eq!(networks.is_wide_open(), wide, "{text}");
        }
    }
}
