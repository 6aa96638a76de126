//! Where the programs are.

use crate::error::Error;
use crate::error::doing;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that are looked at before PATH, because Debian puts wrappers into PATH: `psql` is a slow
/// script there, and `rabbitmq-server` changes the user and the environment.
fn folders() -> Vec<PathBuf> {
    let mut folders = postgres_folders(Path::new("/usr/lib/postgresql"));
    folders.push("/usr/lib/rabbitmq/bin".into());
    folders.extend(env::var_os("PATH").iter().flat_map(env::split_paths));
    // Not in everybody's PATH.
    folders.extend(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders
}

/// Newest version first.
fn postgres_folders(root: &Path) -> Vec<PathBuf> {
    let mut versions: Vec<u32> = fs::read_dir(root)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions
        .iter()
        .map(|version| root.join(version.to_string()).join("bin"))
        .collect()
}

/// Finds a program, or says which Debian package has it.
pub(crate) fn find(program: &str, package: &'static str) -> Result<PathBuf, Error> {
    folders()
        .into_iter()
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
        .ok_or_else(|| Error::Missing {
            program: program.to_owned(),
            package,
        })
}

/// The `tars` binary: `TARS_BIN`, else the one beside the running test or program.
///
/// Cargo builds a package's own binaries for its tests, but not those of other packages, so that it
/// can be missing.
pub fn tars() -> Result<PathBuf, Error> {
    let path = match env::var_os("TARS_BIN") {
        Some(path) => PathBuf::from(path),
        None => beside(&env::current_exe().map_err(doing("finding the running program"))?),
    };
    if path.is_file() {
        Ok(path)
    } else {
        Err(Error::Unbuilt {
            looked_at: path.display().to_string(),
        })
    }
}

/// Tests and examples run one folder further down than binaries.
fn beside(program: &Path) -> PathBuf {
    let folder = program.parent().unwrap_or(Path::new("."));
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("deps" | "examples") => folder.parent().unwrap_or(folder),
        _ => folder,
    };
    profile.join("tars")
}

#[cfg(test)]
mod tests {
    use super::{beside, find};
    use std::path::Path;

    #[test]
    fn tests_and_binaries_meet_in_the_profile_s_folder() {
        assert_eq!(
            beside(Path::new("/t/debug/deps/stack-0a1b")),
            Path::new("/t/debug/tars")
        );
        assert_eq!(
            beside(Path::new("/t/release/tars-stack")),
            Path::new("/t/release/tars")
        );
    }

    #[test]
    fn a_missing_program_names_its_package() {
        let error = find("no-such-server", "postgresql")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("no-such-server") && error.contains("postgresql"),
            "{error}"
        );
    }
}
