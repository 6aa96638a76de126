//! What processes hold: file descriptors and memory, from `/proc`.

use std::fs;

/// A process of the service.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) name: String,
    pub(crate) pid: u32,
}

/// What one holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Held {
    pub(crate) descriptors: usize,
    pub(crate) memory_mib: f64,
}

impl Watched {
    /// `None` when it is gone, or there is no `/proc`.
    pub(crate) fn look(&self) -> Option<Held> {
        let descriptors = fs::read_dir(format!("/proc/{}/fd", self.pid)).ok()?.count();
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        Some(Held {
            descriptors,
            memory_mib: memory_mib(&status)?,
        })
    }
}

/// `VmRSS` of proc(5), which counts in KiB whatever the unit says.
fn memory_mib(status: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim()
        .strip_suffix(" kB")?
        .parse::<f64>()
        .ok()
        .map(|kib| kib / 1024.0)
}

/// What each process holds.
#[derive(Debug, Clone)]
pub(crate) struct Holdings(Vec<(Watched, Option<Held>)>);

impl Holdings {
    pub(crate) fn of(processes: &[Watched]) -> Self {
        Self(
            processes
                .iter()
                .map(|process| (process.clone(), process.look()))
                .collect(),
        )
    }

    /// The largest growth of any process since `before`: descriptors, and memory in MiB.
    pub(crate) fn growth(&self, before: &Self) -> Option<(f64, f64)> {
        let pairs = self.0.iter().zip(&before.0);
        let growths = pairs.filter_map(|((_, now), (_, then))| {
            let (now, then) = ((*now)?, (*then)?);
            Some((
                now.descriptors as f64 - then.descriptors as f64,
                now.memory_mib - then.memory_mib,
            ))
        });
        growths.reduce(|(a, b), (c, d)| (a.max(c), b.max(d)))
    }

    /// One line for each process.
    pub(crate) fn show(&self, before: &Self) -> String {
        let mut lines = String::new();
        for ((process, now), (_, then)) in self.0.iter().zip(&before.0) {
            let (Some(then), Some(now)) = (then, now) else {
                lines += &format!("  {:<10} is not there\n", process.name);
                continue;
            };
            lines += &format!(
                "  {:<10} descriptors {} → {}, memory {:.0} → {:.0} MiB\n",
                process.name, then.descriptors, now.descriptors, then.memory_mib, now.memory_mib
            );
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::{Held, Holdings, Watched, memory_mib};

    fn holdings(held: &[Option<(usize, f64)>]) -> Holdings {
        let process = Watched {
            name: "api".to_owned(),
            pid: 1,
        };
        let held = held.iter().map(|held| {
            held.map(|(descriptors, memory_mib)| Held {
                descriptors,
                memory_mib,
            })
        });
        Holdings(held.map(|held| (process.clone(), held)).collect())
    }

    #[test]
    fn the_largest_growth_of_any_process_counts() {
        let before = holdings(&[Some((10, 50.0)), Some((20, 30.0)), None]);
        let after = holdings(&[Some((12, 40.0)), Some((19, 38.0)), Some((9, 9.0))]);
        assert_eq!(after.growth(&before), Some((2.0, 8.0)));
    }

    #[test]
    fn memory_is_read_as_proc_writes_it() {
        assert_eq!(
            memory_mib("VmPeak:\t 9000 kB\nVmRSS:\t    2048 kB\nThreads:\t3\n"),
            Some(2.0)
        );
        assert_eq!(memory_mib("Name:\tgone\n"), None);
    }
}
