//! What is written of the environments of a job.

use std::collections::BTreeMap;

use sqlx::types::Json;

use super::{Connection, Statement};
use crate::job::EnvironmentResult;
use crate::store::{Comparison, Ending, Error, Finish, Lease};

/// What is written of one environment with the end of its job.
#[derive(Debug, Default)]
pub(super) struct Evaluated<'a> {
    /// Unless it is kept already.
    pub(super) result: Option<&'a EnvironmentResult>,
    pub(super) comparison: Option<&'a Comparison>,
    pub(super) position: i64,
}

/// Brings the results that are not kept yet together with their comparisons, by their places in the
/// request.
pub(super) fn evaluated(finish: &Finish) -> Vec<Evaluated<'_>> {
    let mut evaluated = BTreeMap::<usize, Evaluated<'_>>::new();
    for (position, result) in &finish.results {
        evaluated.entry(*position).or_default().result = Some(result);
    }
    if let Ending::Completed(comparisons) = &finish.ending {
        for (position, comparison) in comparisons.iter().enumerate() {
            if let Some(comparison) = comparison {
                evaluated.entry(position).or_default().comparison = Some(comparison);
            }
        }
    }
    let placed = |(position, evaluated)| Evaluated {
        position: column(position),
        ..evaluated
    };
    evaluated.into_iter().map(placed).collect()
}

/// Keeps the result of one environment. No row comes back: the lease is lost. The row of the job is
/// locked, so that the lease cannot change hands between the look and the write.
pub(super) fn record(
    lease: Lease,
    position: usize,
    result: &EnvironmentResult,
) -> Statement<'static> {
    sqlx::query(concat!(
        "WITH held AS (SELECT id FROM jobs WHERE id = $1 AND lease_epoch = $2 AND status = 'running'",
        for_update!(),
        ") UPDATE evaluations SET result = $4 WHERE job_id = (SELECT id FROM held) AND position = $3 \
         RETURNING position"
    ))
    .bind(lease.job_id)
    .bind(i64::from(lease.epoch))
    .bind(column(position))
    .bind(Json(result))
}

/// Writes what belongs to the end of a job.
pub(super) async fn write(tx: &mut Connection, finish: &Finish) -> Result<(), Error> {
    let job_id = finish.lease.job_id;
    for environment in evaluated(finish) {
        if let Some(result) = environment.result {
            sqlx::query("UPDATE evaluations SET result = $3 WHERE job_id = $1 AND position = $2")
                .bind(job_id)
                .bind(environment.position)
                .bind(Json(result))
                .execute(&mut *tx)
                .await?;
        }
        if let Some(comparison) = environment.comparison {
            sqlx::query("UPDATE evaluations SET baseline_id = $3, regression = $4 WHERE job_id = $1 AND position = $2")
                .bind(job_id)
                .bind(environment.position)
                .bind(comparison.baseline_id)
                .bind(comparison.regression.as_ref().map(Json))
                .execute(&mut *tx)
                .await?;
        }
    }
    Ok(())
}

fn column(position: usize) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}
