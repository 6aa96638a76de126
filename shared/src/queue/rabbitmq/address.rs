//! Where the broker is and who we are to it. The password stays inside: nothing here prints it.

use std::fmt;

use lapin::uri::AMQPUri;

/// Seconds. The broker drops a frozen client after twice this long, and we drop a frozen broker
/// after the same time.
const HEARTBEAT: u16 = 3;

/// The URL cannot be used. Says why in one line, without the password.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the queue's URL cannot be used: {0}")]
pub struct OpenError(String);

/// A broker's address with the credentials to use there.
#[derive(Clone)]
pub(super) struct Address(AMQPUri);

impl Address {
    /// Reads `amqp://user:password@host:port/vhost`. Without a virtual host it is `/`, as with
    /// other clients.
    pub(super) fn parse(url: &str) -> Result<Self, OpenError> {
        if url.starts_with("amqps:") {
            return Err(OpenError(
                "amqps: TLS is not built in; use amqp: in a network that you trust".to_owned(),
            ));
        }
        // Checked here, because the parser's own message quotes the whole URL.
        let Some(rest) = url.strip_prefix("amqp://") else {
            return Err(OpenError("it must begin with amqp://".to_owned()));
        };
        let mut uri: AMQPUri = url.parse().map_err(OpenError)?;
        // The parser takes an IPv6 address for no host at all, and would connect to this machine.
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        if let Some((v6, _)) = host.strip_prefix('[').and_then(|host| host.split_once(']')) {
            v6.clone_into(&mut uri.authority.host);
        }
        if uri.vhost.is_empty() {
            "/".clone_into(&mut uri.vhost);
        }
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        Ok(Self(uri))
    }

    /// For the driver only: it holds the password.
    pub(super) fn uri(&self) -> AMQPUri {
        self.0.clone()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = &self.0.authority;
        write!(
            f,
            "{}:{} (virtual host {:?})",
            authority.host, authority.port, self.0.vhost
        )
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_printed_without_its_password() {
        let cases = [
            (
                "amqp://me:secret@broker",
                "broker:5672 (virtual host \"/\")",
            ),
            (
                "amqp://me:secret@broker:1234/",
                "broker:1234 (virtual host \"/\")",
            ),
            (
                "amqp://me:secret@10.0.0.7/%2f",
                "10.0.0.7:5672 (virtual host \"/\")",
            ),
            (
                "amqp://me:secret@[2001:db8::1]:7/tars",
                "2001:db8::1:7 (virtual host \"tars\")",
            ),
        ];
        for (url, shown) in cases {
            let address = Address::parse(url).unwrap();
            assert_eq!(
                (address.to_string(), format!("{address:?}")),
                (shown.to_owned(), shown.to_owned())
            );
            assert_eq!(address.uri().authority.userinfo.password, "secret");
            assert_eq!(address.uri().query.heartbeat, Some(HEARTBEAT));
        }
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_in_one_line_without_its_password() {
        let urls = [
            "amqps://me:secret@h",
            "amqp:me:secret@h",
            "http://me:secret@h",
            "amqp://me:secret@h:port",
            "secret",
        ];
        for url in urls {
            let error = Address::parse(url).unwrap_err().to_string();
            assert!(
                !error.contains("secret") && !error.contains('\n'),
                "{error}"
            );
        }
        let tls = Address::parse("amqps://h").unwrap_err().to_string();
        assert!(tls.contains("TLS is not built in"), "{tls}");
    }
}
