//! Where a policy file lies, and what lies beside it.

use std::fs;
use std::path::{Path, PathBuf};

/// The file that is meant. As in Stable-Baselines3, `name` means `name.zip` where only that is
/// there.
pub(crate) fn find(path: &Path) -> PathBuf {
    if path.extension().is_none() && !path.is_file() {
        let zip = path.with_extension("zip");
        if zip.is_file() {
            return zip;
        }
    }
    path.to_owned()
}

/// A warning where a policy without statistics of `VecNormalize` has some lying near.
pub(crate) fn forgotten_statistics(policy: &Path) -> Option<String> {
    let statistics = statistics_near(policy)?;
    let (policy, statistics) = (policy.display(), statistics.display());
    Some(format!(
        "{statistics} lies beside {policy}, and observations are raw: if the policy was trained \
         under VecNormalize, give --vec-normalize {statistics}"
    ))
}

/// Statistics of `VecNormalize` beside a policy or in a folder beside it, where the RL zoo puts
/// them: policies that were trained under them are another policy without.
fn statistics_near(policy: &Path) -> Option<PathBuf> {
    let folder = match policy.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let beside = entries(folder);
    let of_the_same_name = policy.file_stem().map(|stem| folder.join(stem));
    let folders = of_the_same_name.into_iter().chain(
        beside
            .iter()
            .filter(|path| path.is_dir())
            .take(FOLDERS)
            .cloned(),
    );
    statistics_for(policy, &beside).or_else(|| {
        folders
            .into_iter()
            .find_map(|path| statistics_for(policy, &entries(&path)))
    })
}

/// Folders that are looked into: a warning is not worth a long search.
const FOLDERS: usize = 32;

/// What is in a folder, by name; nothing where it cannot be read.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = found.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Of many checkpoints' statistics, those of the same number are meant.
fn statistics_for(policy: &Path, paths: &[PathBuf]) -> Option<PathBuf> {
    let number = number_of(policy);
    let mut all = paths.iter().filter(|path| is_statistics(path));
    let first = all.clone().next();
    let same = all.find(|path| number.is_some() && number_of(path) == number);
    same.or(first).cloned()
}

/// `vecnormalize.pkl` (the zoo), `vec_normalize.pkl` (SB3's documentation) and
/// `*_vecnormalize_*.pkl` (`CheckpointCallback`).
fn is_statistics(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let Some(stem) = name.strip_suffix(".pkl") else {
        return false;
    };
    stem == "vecnormalize" || stem == "vec_normalize" || stem.contains("_vecnormalize_")
}

/// The steps in `rl_model_20000_steps.zip` and `rl_model_vecnormalize_20000_steps.pkl`.
fn number_of(path: &Path) -> Option<&str> {
    let stem = path.file_stem()?.to_str()?;
    stem.rsplit('_').find(|part| part.parse::<u64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"").unwrap();
        }
        folder
    }

    #[test]
    fn a_name_means_the_zip_only_where_nothing_else_is_meant() {
        let files = folder(&["agent.zip", "plain", "plain.zip", "dir/x"]);
        let find = |name: &str| {
            find(&files.path().join(name))
                .strip_prefix(files.path())
                .unwrap()
                .to_owned()
        };
        assert_eq!(find("agent"), Path::new("agent.zip"));
        assert_eq!(find("plain"), Path::new("plain"));
        assert_eq!(find("agent.zip"), Path::new("agent.zip"));
        assert_eq!(find("absent"), Path::new("absent"));
    }

    #[test]
    fn statistics_beside_a_policy_or_in_its_folder_are_found() {
        let cases: [(&[&str], Option<&str>); 6] = [
            (&["a.zip", "vec_normalize.pkl"], Some("vec_normalize.pkl")),
            (&["a.zip", "a/vecnormalize.pkl"], Some("a/vecnormalize.pkl")),
            (
                &["a.zip", "other/vecnormalize.pkl", "replay.pkl"],
                Some("other/vecnormalize.pkl"),
            ),
            (&["a.zip", "other/deep/vecnormalize.pkl"], None),
            (&["a.zip"], None),
            (&["a.zip", "vecnormalize.pkl.bak"], None),
        ];
        for (names, expected) in cases {
            let files = folder(names);
            let found = statistics_near(&files.path().join("a.zip"));
            assert_eq!(
                found,
                expected.map(|name| files.path().join(name)),
                "{names:?}"
            );
        }
    }

    #[test]
    fn of_many_checkpoints_the_statistics_of_the_same_step_are_meant() {
        let files = folder(&[
            "m_100_steps.zip",
            "m_vecnormalize_100_steps.pkl",
            "m_vecnormalize_50_steps.pkl",
        ]);
        let found = statistics_near(&files.path().join("m_100_steps.zip")).unwrap();
        assert!(found.ends_with("m_vecnormalize_100_steps.pkl"), "{found:?}");
    }
}
