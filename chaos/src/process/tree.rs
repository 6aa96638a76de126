//! A process with all that descend from it. Postgres and Erlang put children into sessions of their
//! own, so that a signal to the process group would miss them.

use crate::deadline::eventually;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::time::Duration;

/// How long a signal may take to have its effect. A process in the middle of a disk write is not
/// stopped until it is done.
const EFFECT: Duration = Duration::from_secs(10);

/// A process, told from later ones with the same id by its time of start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pid: Pid,
    started: u64,
}

struct Stat {
    state: char,
    parent: i32,
    started: u64,
}

/// Fields 3, 4 and 22 of `/proc/PID/stat`, see proc(5). The name in field 2 may hold spaces and
/// parentheses.
fn stat(pid: i32) -> Option<Stat> {
    let line = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let line = String::from_utf8_lossy(&line);
    let mut fields = line.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let started = fields.nth(17)?.parse().ok()?;
    Some(Stat {
        state,
        parent,
        started,
    })
}

impl Member {
    /// The process that has this id now.
    pub(crate) fn now(pid: Pid) -> Option<Self> {
        stat(pid.as_raw_nonzero().get()).map(|stat| Self {
            pid,
            started: stat.started,
        })
    }

    /// In clock ticks since the boot.
    pub(crate) fn started(self) -> u64 {
        self.started
    }

    fn state(self) -> Option<char> {
        stat(self.pid.as_raw_nonzero().get())
            .filter(|stat| stat.started == self.started)
            .map(|stat| stat.state)
    }

    /// A zombie counts as gone: it holds nothing, and who reaps it is not our concern.
    fn is_gone(self) -> bool {
        matches!(self.state(), None | Some('Z' | 'X'))
    }

    fn signal(self, signal: Signal) {
        if !self.is_gone() {
            // It can end just before the signal; then there is nothing to do.
            let _ = kill_process(self.pid, signal);
        }
    }
}

/// Parents before children.
fn members(root: Pid) -> Vec<Member> {
    let parents: Vec<(i32, i32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, stat(pid)?.parent)))
        .collect();
    let mut ids = vec![root.as_raw_nonzero().get()];
    let mut next = 0;
    while let Some(&parent) = ids.get(next) {
        ids.extend(
            parents
                .iter()
                .filter(|entry| entry.1 == parent)
                .map(|entry| entry.0),
        );
        next += 1;
    }
    ids.into_iter()
        .filter_map(|id| Member::now(Pid::from_raw(id)?))
        .collect()
}

/// Stops all of them. A stopped parent neither forks nor reaps: once nobody new is found, none has
/// slipped away, and no id can have passed to another process.
pub(crate) fn stop(root: Pid) -> Vec<Member> {
    let mut stopped: Vec<Member> = Vec::new();
    loop {
        let new: Vec<Member> = members(root)
            .into_iter()
            .filter(|member| !stopped.contains(member))
            .collect();
        if new.is_empty() {
            return stopped;
        }
        for member in new {
            member.signal(Signal::STOP);
            eventually(EFFECT, || {
                matches!(member.state(), None | Some('T' | 't' | 'Z' | 'X'))
            });
            stopped.push(member);
        }
    }
}

/// Lets all of them go on, children first, so that no parent acts on a child that seems to hang.
pub(crate) fn resume(root: Pid) {
    for member in members(root).into_iter().rev() {
        member.signal(Signal::CONT);
    }
}

/// Kills all of them.
pub(crate) fn kill(root: Pid) -> Vec<Member> {
    let members = stop(root);
    for member in &members {
        member.signal(Signal::KILL);
    }
    members
}

/// Whether all of them let go of their ports and files in time.
pub(crate) fn are_gone(members: &[Member]) -> bool {
    eventually(EFFECT, || members.iter().all(|member| member.is_gone()))
}
