//! Lines: where a job waits. Each priority has several lanes, and a submitter's jobs wait in one or
//! two of them, so that whoever submits ten thousand jobs makes a line of their own long.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::request::Priority;

/// The lanes of each priority. Workers take from all of them, however many a deployment uses. Each
/// is a queue for each priority, and what each costs is in docs/adr/0018.
pub const LANES: usize = 4;

/// One of the lanes of a priority.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(from = "u8", into = "u8")]
pub struct Lane(u8);

impl Lane {
    /// The lane of those who know no lanes: the release before, and messages and rows of it.
    pub const FIRST: Self = Self(0);

    /// Every lane.
    pub const ALL: [Self; LANES] = [Self(0), Self(1), Self(2), Self(3)];

    /// The lanes that a submitter may use when so many are used: two different ones where there are
    /// several, the same on every machine and in every release. With two to choose from, one who
    /// fills one of them keeps nobody waiting.
    pub fn pair(subject: &str, lanes: usize) -> [Self; 2] {
        let hash = Sha256::digest(subject.as_bytes());
        let number = |at: usize| {
            let bytes = [hash[at], hash[at + 1], hash[at + 2], hash[at + 3]];
            u32::from_be_bytes(bytes) as usize
        };
        let lanes = lanes.clamp(1, LANES);
        let first = number(0) % lanes;
        let step = 1 + number(4) % (lanes - 1).max(1);
        [Self::ALL[first], Self::ALL[(first + step) % lanes]]
    }

    /// Its place in [`ALL`](Self::ALL).
    pub fn index(self) -> usize {
        self.0.into()
    }

    /// Whether it is the lane of those who know no lanes.
    pub fn is_first(&self) -> bool {
        *self == Self::FIRST
    }
}

/// A number beyond those that this release knows is that of a later one: its jobs wait in a lane
/// that is known here.
impl From<u8> for Lane {
    fn from(number: u8) -> Self {
        Self::ALL[usize::from(number) % LANES]
    }
}

impl From<Lane> for u8 {
    fn from(lane: Lane) -> Self {
        lane.0
    }
}

/// A lane of a priority. What waits in it is delivered in the order of its publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Line {
    /// The priority.
    pub priority: Priority,
    /// The lane.
    pub lane: Lane,
}

impl Line {
    /// How many there are.
    pub const COUNT: usize = Priority::ALL.len() * LANES;

    /// Every line, those of the most urgent priority first.
    pub fn all() -> impl Iterator<Item = Self> + Clone {
        Priority::ALL
            .into_iter()
            .flat_map(|priority| Lane::ALL.map(|lane| Self { priority, lane }))
    }

    /// Its place in [`all`](Self::all).
    pub fn index(self) -> usize {
        self.priority as usize * LANES + self.lane.index()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_submitter_keeps_its_lanes_for_ever() {
        let lanes = |lanes| {
            ["user:ada", "user:grace", "token:ci", "token:nightly"]
                .map(|subject| Lane::pair(subject, lanes).map(Lane::index))
        };
        assert_eq!(lanes(1), [[0, 0]; 4]);
        assert_eq!(lanes(4), [[2, 1], [0, 3], [3, 2], [2, 1]]);
        assert_eq!(lanes(1000), lanes(4), "there are no more than these");
    }

    #[test]
    fn submitters_are_spread_over_all_pairs_of_lanes() {
        let mut submitters = [[0; LANES]; LANES];
        for number in 0..12_000 {
            let [first, second] = Lane::pair(&format!("user:{number}"), LANES);
            submitters[first.index()][second.index()] += 1;
        }
        for (first, seconds) in submitters.iter().enumerate() {
            for (second, count) in seconds.iter().enumerate() {
                let expected = if first == second { 0..1 } else { 880..1120 };
                assert!(expected.contains(count), "{submitters:?}");
            }
        }
    }

    #[test]
    fn a_lane_of_a_later_release_is_one_that_is_known_here() {
        let later: Lane = serde_json::from_str("11").unwrap();
        assert_eq!(later, Lane::ALL[3]);
        assert_eq!(serde_json::to_string(&later).unwrap(), "3");
    }

    #[test]
    fn lines_are_numbered_as_they_are_listed() {
        assert!(Line::all().map(Line::index).eq(0..Line::COUNT));
    }
}
