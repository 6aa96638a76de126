//! A terminal whose other end a test holds.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

const LIMIT: Duration = Duration::from_secs(30);

/// A terminal, and the program that runs in it.
pub(crate) struct PseudoTerminal {
    person: File,
    program: OwnedFd,
    child: Option<Child>,
    output: Receiver<String>,
    /// What was written and not waited for yet.
    seen: String,
}

impl PseudoTerminal {
    pub(crate) fn open() -> Self {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal is free");
        // Programs that other tests start at the same time have no part in it.
        fcntl_setfd(&person, FdFlags::CLOEXEC).expect("it is open");
        grantpt(&person).expect("it is ours");
        unlockpt(&person).expect("it is ours");
        let name = ptsname(&person, Vec::new()).expect("it has a name");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let program = rustix::fs::open(name, flags, Mode::empty()).expect("it is unlocked");
        let size = Winsize {
            ws_row: 40,
            ws_col: 120,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&program, size).expect("it is a terminal");
        let person = File::from(person);
        let mut reader = person.try_clone().expect("a file can be shared");
        let (sender, output) = channel();
        // It ends when no program has the terminal open, at the latest with the process.
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut chunk) {
                let text = String::from_utf8_lossy(&chunk[..read]).into_owned();
                if sender.send(text).is_err() {
                    break;
                }
            }
        });
        Self {
            person,
            program,
            child: None,
            output,
            seen: String::new(),
        }
    }

    /// Runs this in it.
    pub(crate) fn start(&mut self, command: &mut Command) {
        let end = || Stdio::from(self.program.try_clone().expect("a file can be shared"));
        let command = command.env("TERM", "xterm").env_remove("NO_COLOR");
        let command = command.stdin(end()).stdout(end()).stderr(end());
        self.child = Some(command.spawn().expect("it starts"));
    }

    /// Until this is written.
    pub(crate) fn wait_for(&mut self, text: &str) {
        let end = Instant::now() + LIMIT;
        loop {
            if let Some(at) = self.seen.find(text) {
                self.seen.drain(..at + text.len());
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            let more = self.output.recv_timeout(left);
            self.seen += &more.unwrap_or_else(|_| panic!("no {text:?} in {:?}", self.seen));
        }
    }

    pub(crate) fn press(&mut self, key: u8) {
        self.person.write_all(&[key]).expect("it takes keys");
    }

    pub(crate) fn terminate(&self) {
        let child = self.child.as_ref().expect("it was started");
        kill_process(Pid::from_child(child), Signal::TERM).expect("it runs");
    }

    /// How the program ended.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let child = self.child.as_mut().expect("it was started");
        child.wait().expect("it was started here")
    }

    /// What the terminal makes of keys.
    pub(crate) fn modes(&self) -> LocalModes {
        let attributes = tcgetattr(&self.program).expect("it is a terminal");
        attributes.local_modes
    }
}

impl Drop for PseudoTerminal {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended already; either way nothing of it is left.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
