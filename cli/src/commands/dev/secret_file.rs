//! The secrets that `tars dev` signs with, kept beside its data so that a restart logs nobody out and
//! receivers of webhooks go on.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tars_shared::account::secret::Secret;
use tars_shared::webhook;
use zeroize::Zeroizing;

use crate::data_folder;

/// As many bytes as HS256 has.
const MIN_BYTES: usize = 32;
/// A file that is larger is no secret of ours.
const MAX_BYTES: u64 = 4096;

/// A secret in the data folder.
pub(super) struct SecretFile {
    name: &'static str,
    generate: fn() -> Result<Zeroizing<String>, String>,
}

/// What tokens are signed with.
pub(super) const TOKENS: SecretFile = SecretFile {
    name: "secret",
    generate: || Secret::service().map(|secret| Zeroizing::new(secret.expose().to_owned())),
};

/// What webhooks are signed with.
pub(super) const WEBHOOKS: SecretFile = SecretFile {
    name: "webhook-secret",
    generate: webhook::Secret::generate,
};

impl SecretFile {
    /// Where it is.
    pub(super) fn path(&self, data: &Path) -> PathBuf {
        data.join(self.name)
    }

    /// The secret in this data folder. Makes both where they are not there.
    pub(super) fn keep(&self, data: &Path) -> anyhow::Result<Zeroizing<String>> {
        let path = self.path(data);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() => {}
            // Whoever may put a link or a pipe there would choose the secret without anybody
            // noticing.
            Ok(_) => bail!("{} is not a regular file: remove it", path.display()),
            Err(error) if error.kind() == ErrorKind::NotFound => self.make(data, &path)?,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot look at {}", path.display()));
            }
        }
        read(&path)
    }

    /// The file appears whole, readable by its owner alone. Of two processes that make it at once,
    /// both take what one made.
    fn make(&self, data: &Path, path: &Path) -> anyhow::Result<()> {
        let writing = || format!("cannot write {}", path.display());
        data_folder::create(data)?;
        let secret = (self.generate)().map_err(anyhow::Error::msg)?;
        // Temporary files have mode 0600 from the start.
        let mut file = tempfile::Builder::new()
            .prefix(".secret")
            .tempfile_in(data)
            .with_context(writing)?;
        writeln!(file, "{}", *secret).with_context(writing)?;
        file.as_file().sync_all().with_context(writing)?;
        match file.persist_noclobber(path) {
            Err(taken) if taken.error.kind() == ErrorKind::AlreadyExists => Ok(()),
            persisted => persisted
                .map(drop)
                .map_err(|failure| failure.error)
                .with_context(writing),
        }
    }
}

fn read(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    let reading = || format!("cannot read {}", path.display());
    let mut text = Zeroizing::new(String::new());
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text))
        .with_context(reading)?;
    let secret = text.trim();
    if secret.len() < MIN_BYTES {
        bail!(
            "{} has {} bytes, at least {MIN_BYTES} are needed: remove it, and the next start makes another one",
            path.display(),
            secret.len()
        );
    }
    Ok(Zeroizing::new(secret.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    #[test]
    fn a_secret_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("new");
        let secret = TOKENS.keep(&data).unwrap();
        assert!(secret.len() >= MIN_BYTES);
        assert_eq!(TOKENS.keep(&data).unwrap(), secret);
        assert_eq!(
            fs::metadata(TOKENS.path(&data)).unwrap().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::metadata(&data).unwrap().mode() & 0o777, 0o700);
        assert_eq!(
            data.read_dir().unwrap().count(),
            1,
            "nothing else is left behind"
        );
        assert_ne!(TOKENS.keep(&folder.path().join("other")).unwrap(), secret);
        let signs = WEBHOOKS.keep(&data).unwrap();
        assert!(signs.parse::<webhook::Secret>().is_ok());
        assert_eq!(TOKENS.keep(&data).unwrap(), secret);
    }

    #[test]
    fn what_is_no_secret_is_refused_by_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = TOKENS.path(folder.path());
        let refused = || TOKENS.keep(folder.path()).unwrap_err().to_string();
        fs::write(&path, "short\n").unwrap();
        assert!(
            refused().contains(path.to_str().unwrap()) && refused().contains("5 bytes"),
            "{}",
            refused()
        );
        assert!(!refused().contains("short"), "{}", refused());
        fs::remove_file(&path).unwrap();
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "x".repeat(40)).unwrap();
        symlink(&elsewhere, &path).unwrap();
        assert!(refused().contains("not a regular file"), "{}", refused());
    }
}
