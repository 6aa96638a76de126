//! What is known of the service, and since when it is not.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use tars_client::{Answer, Error};
use tokio::time::Instant;

use super::figures::Figures;
use super::model::{Demand, Health, Page};
use super::rates::Rates;
use super::source::{self, Source};
use crate::client::{Connection, Job, Letter, Pause, Pauses, Replay, Worker};

/// The last answer to each question; what was never answered is not there.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) server: String,
    pub(super) health: Option<Health>,
    pub(super) figures: Option<Figures>,
    pub(super) workers: Option<Page<Worker>>,
    pub(super) demand: Option<Demand>,
    pub(super) running: Option<Page<Job>>,
    pub(super) pauses: Option<Vec<Pause>>,
    pub(super) letters: Option<Vec<Letter>>,
    pub(super) replays: Option<Vec<Replay>>,
    pub(super) rates: Rates,
    /// When anything was answered last.
    pub(super) answered_at: Option<DateTime<Utc>>,
    /// Questions whose last answer is none, and why.
    pub(super) errors: BTreeMap<Source, Error>,
    /// When each question was asked last.
    pub(super) asked: BTreeMap<Source, Instant>,
}

impl View {
    /// Nothing is known yet.
    pub(super) fn new(server: String) -> Self {
        Self {
            server,
            ..Self::default()
        }
    }

    /// What is to be asked now.
    pub(super) fn due(&self, now: Instant) -> Vec<Source> {
        let is_due = |source: &Source| {
            let asked = self.asked.get(source);
            asked.is_none_or(|asked| now - *asked >= source.period())
        };
        Source::ALL.into_iter().filter(is_due).collect()
    }

    /// Asks what is due, and keeps what is answered.
    pub(super) async fn look(&mut self, client: &Connection, now: DateTime<Utc>) {
        let begun = Instant::now();
        let due = self.due(begun);
        for (source, answer) in source::ask(client, &due).await {
            self.asked.insert(source, begun);
            match answer.and_then(|answer| self.take(source, &answer)) {
                Ok(()) => {
                    self.errors.remove(&source);
                    self.answered_at = Some(now);
                }
                Err(error) => {
                    self.errors.insert(source, error);
                }
            }
        }
    }

    fn take(&mut self, source: Source, answer: &Answer) -> Result<(), Error> {
        fn set<T: DeserializeOwned>(known: &mut Option<T>, answer: &Answer) -> Result<(), Error> {
            *known = Some(answer.read()?);
            Ok(())
        }
        match source {
            Source::Health => set(&mut self.health, answer)?,
            Source::Figures => {
                let figures = Figures::read(&answer.text());
                if let Some(figures) = &figures {
                    self.rates.add(Instant::now(), figures.jobs);
                }
                self.figures = figures;
            }
            Source::Workers => set(&mut self.workers, answer)?,
            Source::Demand => set(&mut self.demand, answer)?,
            Source::Running => set(&mut self.running, answer)?,
            Source::Pauses => self.pauses = Some(answer.read::<Pauses>()?.items),
            Source::Letters => self.letters = Some(answer.read::<Page<Letter>>()?.items),
            Source::Replays => self.replays = Some(answer.read::<Page<Replay>>()?.items),
        }
        Ok(())
    }

    /// Why the service is taken to be away: what is asked most often is not answered.
    pub(super) fn away(&self) -> Option<&Error> {
        self.errors.get(&Source::Figures)?;
        let error = self.errors.get(&Source::Workers);
        error.filter(|error| error.is_passing())
    }

    /// What a first look shows. An error if that is nothing, or if whoever looks is not let in; a
    /// service that is in trouble shows how it does.
    pub(super) async fn first(client: &Connection, now: DateTime<Utc>) -> Result<Self, Error> {
        let mut view = Self::new(client.address().to_string());
        view.look(client, now).await;
        let answered = view.answered_at.is_some();
        match refusal(&mut view.errors, answered) {
            Some(refusal) => Err(refusal),
            None => Ok(view),
        }
    }
}

/// Why it makes no sense to show the rest: nothing is answered, or nothing that takes an account,
/// and will not be.
pub(super) fn refusal(errors: &mut BTreeMap<Source, Error>, answered: bool) -> Option<Error> {
    let mut private = Source::ALL.into_iter().filter(|source| source.is_private());
    if !private.clone().all(|source| errors.contains_key(&source)) {
        return None;
    }
    let first = private.next()?;
    if answered && errors.get(&first)?.is_passing() {
        return None;
    }
    errors.remove(&first)
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn refused(status: u16) -> Error {
        let problem = json!({"status": status, "title": "no"});
        Error::Refused(from_value(problem).unwrap())
    }

    fn all_private(status: u16) -> BTreeMap<Source, Error> {
        let private = Source::ALL.into_iter().filter(|source| source.is_private());
        private.map(|source| (source, refused(status))).collect()
    }

    #[test]
    fn a_service_in_trouble_is_shown_to_those_whom_it_lets_in() {
        assert!(refusal(&mut all_private(503), true).is_none());
        assert!(refusal(&mut all_private(503), false).is_some());
        assert!(refusal(&mut all_private(401), true).is_some());
        let mut some = all_private(401);
        some.remove(&Source::Pauses);
        assert!(refusal(&mut some, true).is_none());
    }

    #[test]
    fn each_question_has_its_own_pace() {
        let mut view = View::new(String::new());
        let start = Instant::now();
        assert_eq!(view.due(start), Source::ALL);
        view.asked = Source::ALL.map(|source| (source, start)).into();
        let due = |seconds| view.due(start + std::time::Duration::from_secs(seconds));
        assert!(due(0).is_empty());
        assert_eq!(due(1), [Source::Figures, Source::Workers]);
        assert_eq!(due(3), Source::ALL);
    }
}
