//! Results that answer the same question again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use async_trait::async_trait;
use sqlx::Row as _;
use sqlx::types::Json;

use super::{Adapter, Connection};
use crate::artifact::Digest;
use crate::store::{Answer, Error, ReusableResult, ReusableResults};

#[async_trait]
impl ReusableResults for Adapter {
    async fn note(&self, answers: &[Answer]) -> Result<(), Error> {
        for answer in answers {
            let position = i64::try_from(answer.position).unwrap_or(i64::MAX);
            // A job without a row has no result either.
            let note = sqlx::query(
                "INSERT INTO reusable_results (job_id, position, question) \
                 SELECT id, $2, $3 FROM jobs WHERE id = $1 ON CONFLICT (job_id, position) DO NOTHING RETURNING job_id",
            )
            .bind(answer.job_id)
            .bind(position)
            .bind(answer.question.to_string());
            self.carry_out(note).await?;
        }
        Ok(())
    }

    async fn find(&self, questions: &[Digest]) -> Result<Vec<Option<ReusableResult>>, Error> {
        let mut reader = self.reader().await?;
        let mut known = HashMap::new();
        let mut answers = Vec::with_capacity(questions.len());
        for question in questions {
            let answer = match known.entry(*question) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => place.insert(answer(&mut reader, *question).await?),
            };
            answers.push(answer.clone());
        }
        Ok(answers)
    }
}

/// Any of them: they are equal.
async fn answer(
    connection: &mut Connection,
    question: Digest,
) -> Result<Option<ReusableResult>, Error> {
    let row = sqlx::query(
        "SELECT evaluations.job_id, evaluations.result \
         FROM reusable_results JOIN jobs ON jobs.id = reusable_results.job_id \
         JOIN evaluations ON evaluations.job_id = reusable_results.job_id AND evaluations.position = reusable_results.position \
         WHERE reusable_results.question = $1 AND jobs.status = 'completed' AND evaluations.result IS NOT NULL LIMIT 1",
    )
    .bind(question.to_string())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(ReusableResult {
        job_id: row.try_get("job_id")?,
        result: row.try_get::<Json<_>, _>("result")?.0,
    }))
}
