//! As whom a server runs. Postgres refuses to run as root and RabbitMQ's package expects its own
//! user, so root steps down.

use crate::error::Error;
use crate::error::with;
use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;

/// A user of this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    pub(crate) user: u32,
    pub(crate) group: u32,
}

impl Account {
    /// The server's own user where we are root; whoever we are elsewhere.
    pub(crate) fn of_server(name: &'static str) -> Result<Option<Self>, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let path = Path::new("/etc/passwd");
        let users = fs::read_to_string(path).map_err(with("reading", path))?;
        users
            .lines()
            .find_map(|line| Self::parse(line, name))
            .map(Some)
            .ok_or(Error::NoAccount { name })
    }

    fn parse(line: &str, name: &str) -> Option<Self> {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let user = fields.nth(1)?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        Some(Self { user, group })
    }

    /// Makes a file or folder theirs.
    pub(crate) fn own(self, path: &Path) -> Result<(), Error> {
        chown(path, Some(self.user), Some(self.group)).map_err(with("giving away", path))
    }
}

#[cfg(test)]
mod tests {
    use super::Account;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let line = "postgres:x:110:117:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash";
        let account = Account::parse(line, "postgres").unwrap();
        assert_eq!((account.user, account.group), (110, 117));
        assert!(Account::parse(line, "post").is_none());
    }
}
