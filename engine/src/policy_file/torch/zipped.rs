//! PyTorch's zip format, since 1.6.

use super::file::{TorchFile, unexpected};
use super::storages::Storages;
use crate::policy_file::archive::Archive;
use crate::policy_file::error::Error;

/// Opens an archive and takes its pickle out.
pub(super) fn open(name: &'static str, bytes: Vec<u8>) -> Result<TorchFile, Error> {
    let mut archive = Archive::open(name, bytes)?;
    let root = only_root(name, &archive)?;
    if let Some(order) = archive.entry(&format!("{root}byteorder"))?
        && order != b"little"
    {
        return Err(unexpected(
            name,
            "its numbers are not in little-endian byte order",
        ));
    }
    let pickle = archive
        .entry(&format!("{root}data.pkl"))?
        .ok_or_else(|| unexpected(name, "it has no data.pkl"))?;
    Ok(TorchFile {
        name,
        pickle,
        storages: Storages::Zipped { archive, root },
    })
}

/// Whether an archive is of this format: a Stable-Baselines3 save has archives of it inside.
pub(super) fn is_zipped(bytes: &[u8]) -> bool {
    Archive::open("", bytes).is_ok_and(|archive| only_root("", &archive).is_ok())
}

/// The folder of the one `data.pkl`: `archive/`, or the name of the file that was once saved. With
/// two of them, two readers could disagree about which one counts.
fn only_root<B: AsRef<[u8]>>(name: &'static str, archive: &Archive<B>) -> Result<String, Error> {
    let mut roots = archive
        .names()
        .filter_map(|name| name.strip_suffix("data.pkl"))
        .filter(|root| root.ends_with('/'));
    match (roots.next(), roots.next()) {
        (Some(root), None) => Ok(root.to_owned()),
        (Some(_), Some(_)) => Err(unexpected(name, "it has more than one data.pkl")),
        (None, _) => Err(unexpected(name, "it has no data.pkl")),
    }
}
