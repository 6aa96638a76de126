//! What a stack could leave behind.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The processes that have a file in the folder open, or name it in their arguments: the servers,
/// all their children, the reaper.
pub(crate) fn processes_of(folder: &Path) -> Vec<u32> {
    let processes = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    processes
        .filter(|pid| *pid != std::process::id() && belongs(*pid, folder))
        .collect()
}

fn belongs(pid: u32, folder: &Path) -> bool {
    let process = PathBuf::from(format!("/proc/{pid}"));
    let name = folder.as_os_str().as_bytes();
    let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
    let mut files = fs::read_dir(process.join("fd"))
        .into_iter()
        .flatten()
        .flatten();
    arguments.windows(name.len()).any(|window| window == name)
        || files
            .any(|file| fs::read_link(file.path()).is_ok_and(|target| target.starts_with(folder)))
}

/// The System V segments of the Postgres servers in the folder, see the lock file's seventh line.
pub(crate) fn segments_of(folder: &Path) -> Vec<String> {
    let locks = fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|entry| entry.path().join("data/postmaster.pid"));
    let lines = locks.filter_map(|lock| {
        fs::read_to_string(lock)
            .ok()?
            .lines()
            .nth(6)
            .map(str::to_owned)
    });
    lines
        .filter_map(|line| line.split_whitespace().nth(1).map(str::to_owned))
        .collect()
}

pub(crate) fn has_segment(id: &str) -> bool {
    let table = fs::read_to_string("/proc/sysvipc/shm").unwrap();
    table
        .lines()
        .any(|line| line.split_whitespace().nth(1) == Some(id))
}
