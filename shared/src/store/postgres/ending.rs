//! The end of a job in one statement, which is one round trip: `SQLite` has no updates within others,
//! and no network to save.

use serde::Serialize;

use super::Postgres;
use super::evaluations::Evaluated;
use super::transitions::{self, finish_job};
use crate::store::{Ending, Error, Lease};

/// Nothing is written where the lease is lost: then `ended` is empty.
const END: &str = concat!(
    "WITH ended AS (",
    finish_job!(),
    "), written AS (UPDATE evaluations SET result = coalesce(new.result::json, evaluations.result), \
     baseline_id = new.baseline_id, regression = new.regression::json \
     FROM unnest($6::bigint[], $7::text[], $8::uuid[], $9::text[]) AS new (position, result, baseline_id, regression) \
     WHERE evaluations.job_id = (SELECT id FROM ended) AND evaluations.position = new.position) \
     SELECT id FROM ended",
);

impl Postgres {
    /// Ends a job.
    pub(super) async fn end(
        &self,
        lease: Lease,
        evaluated: &[Evaluated<'_>],
        ending: &Ending,
    ) -> Result<bool, Error> {
        if matches!(ending, Ending::Failed(_)) {
            return self.end_in_one_transaction(lease, evaluated, ending).await;
        }
        let comparisons = || evaluated.iter().map(|environment| environment.comparison);
        let positions: Vec<_> = evaluated
            .iter()
            .map(|environment| environment.position)
            .collect();
        let results = evaluated.iter().map(|environment| environment.result);
        let baselines = comparisons().map(|comparison| Some(comparison?.baseline_id));
        let regressions = comparisons().map(|comparison| comparison?.regression.as_ref());
        let end = transitions::finish(sqlx::query(END), lease, ending, self.now())?
            .bind(positions)
            .bind(documents(results)?)
            .bind(baselines.collect::<Vec<_>>())
            .bind(documents(regressions)?);
        Ok(!self.carry_out(end).await?.is_empty())
    }
}

/// As texts, which become `JSON` as they are.
fn documents<T: Serialize>(
    documents: impl Iterator<Item = Option<T>>,
) -> Result<Vec<Option<String>>, Error> {
    documents
        .map(|document| {
            document
                .map(|document| serde_json::to_string(&document))
                .transpose()
        })
        .collect::<Result<_, _>>()
        .map_err(|error| Error::Corrupt(error.to_string()))
}
