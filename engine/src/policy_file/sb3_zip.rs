//! Stable-Baselines3's `model.save()`: a zip with `data` (JSON) and `policy.pth` (a torch state
//! dict), in whatever folder or archive people put it.

use super::archive::Archive;
use super::contents::PolicyFile;
use super::error::Error;
use super::given::Given;
use super::{sb3_data, state_dict, torch};
use crate::quote::quote;

/// How the archives are named in errors.
const OUTER: &str = "the policy file";
const INNER: &str = "the archive inside the policy file";

/// Reads a save of any algorithm.
pub(super) fn read(bytes: &[u8], given: Given) -> Result<PolicyFile, Error> {
    let mut archive = Archive::open(OUTER, bytes)?;
    if let Some(folder) = folder_of_the_save(&archive)? {
        let place = (!folder.is_empty()).then(|| format!("folder {}", quote(&folder)));
        return read_save(&mut archive, &folder, place, given);
    }
    let Some(inner) = only_zip(&archive)? else {
        return Err(missing(&archive, ""));
    };
    let content = archive.entry(&inner)?.unwrap_or_default();
    let mut archive = Archive::open(INNER, content)?;
    let folder = folder_of_the_save(&archive)?.ok_or_else(|| missing(&archive, ""))?;
    let place = format!("entry {}", quote(&format!("{inner}/{folder}")));
    read_save(&mut archive, &folder, Some(place), given)
}

fn read_save<B: AsRef<[u8]>>(
    archive: &mut Archive<B>,
    folder: &str,
    place: Option<String>,
    given: Given,
) -> Result<PolicyFile, Error> {
    let data = archive.entry(&format!("{folder}data"))?;
    let data = data.ok_or_else(|| missing(archive, folder))?;
    let declared = sb3_data::read(&data)?;
    let policy = archive.entry(&format!("{folder}policy.pth"))?;
    let policy = policy.ok_or_else(|| missing(archive, folder))?;
    let file = state_dict::recognise(&mut torch::open_state_dict(policy)?, &declared, given)?;
    Ok(PolicyFile { place, ..file })
}

/// The folder, with its slash, that holds the one save of an archive: `""` at its root.
fn folder_of_the_save<B: AsRef<[u8]>>(archive: &Archive<B>) -> Result<Option<String>, Error> {
    let folders = archive
        .names()
        .filter_map(|name| name.strip_suffix("policy.pth"))
        .filter(|folder| folder.is_empty() || folder.ends_with('/'));
    only(folders)
}

/// The one entry that is an archive itself.
fn only_zip<B: AsRef<[u8]>>(archive: &Archive<B>) -> Result<Option<String>, Error> {
    // macOS keeps attributes of each file under this folder.
    let is_zip =
        |name: &&str| name.strip_suffix(".zip").is_some() && !name.starts_with("__MACOSX/");
    only(archive.names().filter(is_zip))
}

/// The only one, or an error that names several.
fn only<'a>(found: impl Iterator<Item = &'a str>) -> Result<Option<String>, Error> {
    let mut found: Vec<&str> = found.collect();
    found.sort_unstable();
    match found[..] {
        [] => Ok(None),
        [only] => Ok(Some(only.to_owned())),
        [first, second, ..] => Err(Error::SeveralSaves {
            count: found.len(),
            first: quote(first),
            second: quote(second),
        }),
    }
}

/// What an archive has instead of a save.
fn missing<B: AsRef<[u8]>>(archive: &Archive<B>, folder: &str) -> Error {
    let lacks = |name| {
        !archive
            .names()
            .any(|found| found == format!("{folder}{name}"))
    };
    let entry = if lacks("policy.pth") {
        "policy.pth"
    } else {
        "data"
    };
    let mut names: Vec<String> = archive.names().take(4).map(quote).collect();
    if archive.names().count() > names.len() {
        names.push("…".to_owned());
    }
    Error::MissingEntry {
        entry,
        found: names.join(", "),
    }
}
