//! Which request each arrival is.

use serde::Deserialize;

/// Shares of all requests, which add up to one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mix {
    /// Submit a job.
    pub(crate) submit: f64,
    /// Ask after a job that was submitted a moment ago.
    pub(crate) poll: f64,
    /// Read a job that ended long ago.
    pub(crate) read: f64,
}

/// Which ended jobs are read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reads {
    pub(crate) popular_agents: Vec<String>,
    /// The share of reads that goes to the popular ones.
    popular_share: f64,
    pub(crate) other_agents: Vec<String>,
    pub(crate) jobs_per_agent: u32,
}

/// What one request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// The submission of this number.
    Submit(u64),
    /// A recent job, picked by this number.
    Poll(u64),
    /// An ended job, of the popular ones or of all, picked by this number.
    Read { popular: bool, pick: u64 },
}

impl Mix {
    /// What the request of this number asks for: the same in each run.
    pub(crate) fn ask(&self, number: u64, reads: &Reads) -> Ask {
        let dice = scatter(number);
        let share = unit(dice);
        let pick = scatter(dice);
        if share < self.submit {
            Ask::Submit(number)
        } else if share < self.submit + self.poll {
            Ask::Poll(pick)
        } else {
            Ask::Read {
                popular: unit(scatter(pick)) < reads.popular_share,
                pick,
            }
        }
    }
}

/// `SplitMix64`, <https://prng.di.unimi.it/splitmix64.c>: numbers in a row become numbers all over.
fn scatter(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Between 0 and 1.
fn unit(number: u64) -> f64 {
    (number >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::{Ask, Mix, Reads};

    fn count(mix: &Mix, reads: &Reads, of: impl Fn(Ask) -> bool) -> usize {
        (0..10_000)
            .filter(|number| of(mix.ask(*number, reads)))
            .count()
    }

    #[test]
    fn requests_come_in_the_shares_that_the_mix_names() {
        let mix = Mix {
            submit: 0.2,
            poll: 0.3,
            read: 0.5,
        };
        let reads = Reads {
            popular_share: 0.8,
            ..Reads::default()
        };
        let submits = count(&mix, &reads, |ask| matches!(ask, Ask::Submit(_)));
        let polls = count(&mix, &reads, |ask| matches!(ask, Ask::Poll(_)));
        let popular = count(&mix, &reads, |ask| {
            matches!(ask, Ask::Read { popular: true, .. })
        });
        for (seen, wanted) in [(submits, 2000), (polls, 3000), (popular, 4000)] {
            assert!(
                seen.abs_diff(wanted) < 200,
                "{seen} instead of about {wanted}"
            );
        }
    }

    #[test]
    fn a_request_is_the_same_in_each_run() {
        let mix = Mix {
            submit: 0.2,
            poll: 0.3,
            read: 0.5,
        };
        let asks = || {
            (0..100)
                .map(|number| mix.ask(number, &Reads::default()))
                .collect::<Vec<_>>()
        };
        assert_eq!(asks(), asks());
    }
}
