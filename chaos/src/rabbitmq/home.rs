//! RabbitMQ's programs without its plugins.
//!
//! Erlang looks for each module in every folder of its path, and the path has a folder for each of
//! RabbitMQ's seventy libraries. A home with links to only those that a broker needs makes it boot
//! in two thirds of the time.

use crate::error::Error;
use crate::error::with;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Makes such a home in the folder and returns its folder of scripts. `None` where the programs lie
/// in an unknown way: then they work from where they are.
pub(super) fn lean(server: &Path, folder: &Path) -> Result<Option<PathBuf>, Error> {
    let Some(home) = fs::canonicalize(server)
        .ok()
        .and_then(|script| Some(script.parent()?.parent()?.to_owned()))
    else {
        return Ok(None);
    };
    let libraries = libraries(&home.join("plugins"));
    let needed = needed(&libraries);
    if needed.is_empty() {
        return Ok(None);
    }
    let lean = folder.join("home");
    let plugins = lean.join("plugins");
    fs::create_dir_all(&plugins).map_err(with("creating", &plugins))?;
    for name in ["sbin", "escript"] {
        symlink(home.join(name), lean.join(name)).map_err(with("linking", &lean))?;
    }
    for library in needed {
        let name = library.path.file_name().unwrap_or_default();
        symlink(&library.path, plugins.join(name)).map_err(with("linking", &library.path))?;
    }
    Ok(Some(lean.join("sbin")))
}

struct Library {
    path: PathBuf,
    /// The text of its `.app` file.
    description: String,
}

/// By name. Each is in a folder `NAME-VERSION`, which describes it in `ebin/NAME.app`.
fn libraries(plugins: &Path) -> BTreeMap<String, Library> {
    let paths = fs::read_dir(plugins)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    paths
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.split('-').next()?.to_owned();
            let description =
                fs::read_to_string(path.join("ebin").join(format!("{name}.app"))).ok()?;
            Some((name, Library { path, description }))
        })
        .collect()
}

/// The broker, what it says that it needs, and so on. Empty if one that it surely needs is not
/// there.
fn needed(libraries: &BTreeMap<String, Library>) -> Vec<&Library> {
    let mut names = vec!["rabbit", "rabbitmq_prelaunch"];
    if !names.iter().all(|name| libraries.contains_key(*name)) {
        return Vec::new();
    }
    let mut next = 0;
    while let Some(name) = names.get(next) {
        // What is not here belongs to Erlang itself.
        let described = libraries
            .get(*name)
            .map_or("", |library| &library.description);
        for name in applications(described) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        next += 1;
    }
    names
        .into_iter()
        .filter_map(|name| libraries.get(name))
        .collect()
}

/// The names in `{applications, [kernel, stdlib]}` of an Erlang application's description.
fn applications(description: &str) -> impl Iterator<Item = &str> {
    let list = description
        .split_once("{applications")
        .and_then(|(_, rest)| rest.split_once('['));
    let list = list
        .and_then(|(_, rest)| rest.split_once(']'))
        .map_or("", |(list, _)| list);
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{Library, applications, needed};
    use std::collections::BTreeMap;

    #[test]
    fn a_library_is_needed_directly_or_not_at_all() {
        let library = |name: &str, needs: &str| {
            let description = format!(
                "{{application, {name}, [{{modules,[a,b]}},\n\t{{applications, [kernel,{needs}]}},{{env, []}}]}}."
            );
            (
                name.to_owned(),
                Library {
                    path: name.into(),
                    description,
                },
            )
        };
        let libraries: BTreeMap<_, _> = [
            library("rabbit", "ra,\n ranch"),
            library("ra", "aten"),
            library("aten", "stdlib"),
            library("rabbitmq_prelaunch", "rabbit"),
            library("rabbitmq_mqtt", "rabbit"),
        ]
        .into();
        let paths: Vec<_> = needed(&libraries)
            .iter()
            .map(|library| library.path.to_str().unwrap())
            .collect();
        assert_eq!(paths, ["rabbit", "rabbitmq_prelaunch", "ra", "aten"]);
        assert_eq!(applications("{application, x, []}.").count(), 0);
    }
}
