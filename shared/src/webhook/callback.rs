//! The address that a job's submitter names.

use std::net::{IpAddr, Ipv4Addr};

use url::{Host, Url};

/// The most characters of an address.
pub const MAX_CHARACTERS: usize = 2048;

/// What addresses look like, for JSON Schema. Those that name an IP address are good as well; few of
/// them lead anywhere.
pub const PATTERN: &str = r"^https?://([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}(:[1-9][0-9]{0,3})?(/[A-Za-z0-9._~/-]*)?(\?[A-Za-z0-9._~=&-]*)?$";

/// Reads an address.
///
/// # Errors
/// What is wrong with it. Nothing of it is repeated: it may hold a secret of its receiver.
pub fn parse(text: &str) -> Result<Url, &'static str> {
    if text.chars().count() > MAX_CHARACTERS {
        return Err("may have at most 2048 characters");
    }
    // What parsers of addresses quietly mend, they mend differently.
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains('\\') {
        return Err(
            "must be printable ASCII without spaces and backslashes: percent-encode the rest",
        );
    }
    let url = Url::parse(text)
        .map_err(|_| "must be an absolute URL such as https://ci.example.org/hooks/tars")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with https:// (or http://, where the service allows it)");
    }
    if !url.username().is_empty() || url.password().is_some() || text.contains('@') {
        return Err(
            "must hold no user name, password or @: receivers verify the signature instead",
        );
    }
    if url.fragment().is_some() {
        return Err("must have no #fragment: it would not be sent");
    }
    if url.host().is_none() || url.port() == Some(0) {
        return Err("must name a host, and no port 0");
    }
    Ok(url)
}

/// An address for people: what stands behind the question mark may be a secret of its receiver.
pub fn shown(text: &str) -> String {
    match text.split_once('?') {
        Some((address, _)) => format!("{address}?…"),
        None => text.to_owned(),
    }
}

/// The IP address that it names, if it is none that has to be looked up.
pub(super) fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        // RFC 6761: it is always this machine.
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            let is_local = name == "localhost" || name.ends_with(".localhost");
            is_local.then_some(Ipv4Addr::LOCALHOST.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_or_refused_with_what_to_mend() {
        for good in [
            "https://ci.example.org/hooks/tars?job=1&key=a%20b",
            "http://receiver:9000",
            "https://[2001:4860:4860::8888]/x",
            "https://192.0.2.1:8443/",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        let long = format!("https://example.org/{}", "x".repeat(MAX_CHARACTERS));
        for (bad, complaint) in [
            ("", "absolute URL"),
            ("/hooks", "absolute URL"),
            ("example.org/hooks", "absolute URL"),
            ("https://", "absolute URL"),
            ("https:///", "absolute URL"),
            ("https://a.org:99999/", "absolute URL"),
            ("ftp://example.org", "https://"),
            ("file:///etc/passwd", "https://"),
            ("gopher://example.org", "https://"),
            ("javascript:alert(1)", "https://"),
            ("https://u:p@example.org", "password"),
            ("https://u@example.org", "user name"),
            ("https://example.org/a@b", "@"),
            ("https://example.org/#x", "fragment"),
            ("https://example.org:0/", "port 0"),
            ("https://exa mple.org", "ASCII"),
            ("https://example.org/\r\nX-Evil: 1", "ASCII"),
            ("https://example.org\\.evil.org", "ASCII"),
            ("https://exämple.org", "ASCII"),
            ("https://example.org/\0", "ASCII"),
            (&long, "2048"),
        ] {
            let refusal = parse(bad).unwrap_err();
            assert!(refusal.contains(complaint), "{bad:?}: {refusal}");
        }
    }

    #[test]
    fn every_way_to_write_an_ip_address_is_seen_through() {
        for (text, address) in [
            ("http://127.0.0.1/", Some("127.0.0.1")),
            ("http://2130706433/", Some("127.0.0.1")),
            ("http://0x7f.1/", Some("127.0.0.1")),
            ("http://0177.0.0.1/", Some("127.0.0.1")),
            ("http://127.1/", Some("127.0.0.1")),
            ("http://0/", Some("0.0.0.0")),
            ("http://127.0.0.1./", Some("127.0.0.1")),
            ("http://%31%32%37.0.0.1/", Some("127.0.0.1")),
            ("http://[::1]/", Some("::1")),
            ("http://[::ffff:10.0.0.1]/", Some("::ffff:10.0.0.1")),
            ("http://localhost/", Some("127.0.0.1")),
            ("http://LOCALHOST./", Some("127.0.0.1")),
            ("http://a.localhost/", Some("127.0.0.1")),
            ("http://example.org/", None),
        ] {
            let found = literal(&parse(text).unwrap()).map(|found| found.to_string());
            assert_eq!(found.as_deref(), address, "{text}");
        }
    }
}
