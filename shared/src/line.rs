//! Lines: where a job waits. Each priority has several lanes, and a submitter's jobs all wait in one
//! of them, so that whoever submits ten thousand jobs makes a line of their own long.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::request::Priority;

/// The lanes of each priority. Workers take from all of them, however many a deployment uses; so
/// this number may grow in a later release, and never fall.
pub const LANES: usize = 8;

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
    pub const ALL: [Self; LANES] = [
        Self(0),
        Self(1),
        Self(2),
        Self(3),
        Self(4),
        Self(5),
        Self(6),
        Self(7),
    ];

    /// The lane of a submitter, when so many are used: the same on every machine and in every
    /// release.
    pub fn of(subject: &str, lanes: usize) -> Self {
        let hash = Sha256::digest(subject.as_bytes());
        let number = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) as usize;
        Self::ALL[number % lanes.clamp(1, LANES)]
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
    fn a_submitter_keeps_its_lane_for_ever() {
        let lanes = |lanes| {
            ["user:ada", "user:grace", "token:ci", "token:nightly"]
                .map(|subject| Lane::of(subject, lanes).index())
        };
        assert_eq!(lanes(1), [0; 4]);
        assert_eq!(lanes(8), [2, 0, 3, 6]);
        assert_eq!(lanes(1000), lanes(8), "there are no more than these");
    }

    #[test]
    fn submitters_are_spread_over_all_lanes() {
        let mut submitters = [0; LANES];
        for number in 0..8000 {
            submitters[Lane::of(&format!("user:{number}"), LANES).index()] += 1;
        }
        assert!(
            submitters.iter().all(|count| (900..1100).contains(count)),
            "{submitters:?}"
        );
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
