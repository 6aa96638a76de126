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

/// Statistics of `VecNormalize` beside a policy, or in the folder that the RL zoo makes for it:
/// policies that were trained under them are another policy without.
pub(crate) fn forgotten_statistics(policy: &Path) -> Option<PathBuf> {
    let folder = match policy.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut folders = vec![folder.to_owned()];
    folders.extend(policy.file_stem().map(|stem| folder.join(stem)));
    folders.iter().find_map(|folder| {
        let names = fs::read_dir(folder).ok()?;
        let mut names: Vec<PathBuf> = names.flatten().map(|entry| entry.path()).collect();
        names.retain(|name| is_statistics(name));
        names.sort();
        // With many checkpoints, the one of the same number is meant.
        let number = number_of(policy);
        let same = names
            .iter()
            .find(|name| number.is_some() && number_of(name) == number);
        same.or(names.first()).cloned()
    })
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
        let cases: [(&[&str], Option<&str>); 5] = [
            (&["a.zip", "vec_normalize.pkl"], Some("vec_normalize.pkl")),
            (&["a.zip", "a/vecnormalize.pkl"], Some("a/vecnormalize.pkl")),
            (&["a.zip", "other/vecnormalize.pkl", "replay.pkl"], None),
            (&["a.zip"], None),
            (&["a.zip", "vecnormalize.pkl.bak"], None),
        ];
        for (names, expected) in cases {
            let files = folder(names);
            let found = forgotten_statistics(&files.path().join("a.zip"));
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
        let found = forgotten_statistics(&files.path().join("m_100_steps.zip")).unwrap();
        assert!(found.ends_with("m_vecnormalize_100_steps.pkl"), "{found:?}");
    }
}
