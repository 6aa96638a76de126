//! New jobs, claims and ends of many jobs in one transaction, which is one commit. There is no network to
//! save, so they are made one by one.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sqlx::Connection as _;

use super::{Connection, Sqlite, inserts};
use crate::store::{Claim, ClaimRequest, Error, Finish, Inserted};
use crate::submission::Submission;

type CarryOut<T, R> =
    for<'a> fn(&'a Sqlite, &'a mut Connection, &'a T) -> BoxFuture<'a, Result<R, Error>>;

impl Sqlite {
    /// Records submissions, each for itself.
    pub(super) async fn insert_batch(&self, batch: &[Submission]) -> Result<Vec<Inserted>, Error> {
        let mut tx = self.write().await?;
        let inserted = inserts::insert(&mut tx, batch).await?;
        tx.commit().await?;
        Ok(inserted)
    }

    pub(super) async fn claim_batch(
        &self,
        claims: &[ClaimRequest],
    ) -> Result<Vec<Result<Claim, Error>>, Error> {
        self.one_by_one(claims, |store, tx, claim| store.claim_in(tx, claim).boxed())
            .await
    }

    pub(super) async fn finish_batch(
        &self,
        finishes: &[Finish],
    ) -> Result<Vec<Result<bool, Error>>, Error> {
        self.one_by_one(finishes, |store, tx, finish| {
            store.finish_in(tx, finish).boxed()
        })
        .await
    }

    /// What is refused takes nothing of the others back.
    async fn one_by_one<T, R>(
        &self,
        items: &[T],
        carry_out: CarryOut<T, R>,
    ) -> Result<Vec<Result<R, Error>>, Error> {
        let mut tx = self.write().await?;
        let mut answers = Vec::with_capacity(items.len());
        for item in items {
            let mut savepoint = tx.begin().await?;
            answers.push(match carry_out(self, &mut savepoint, item).await {
                Ok(answer) => {
                    savepoint.commit().await?;
                    Ok(answer)
                }
                Err(error @ Error::Corrupt(_)) => {
                    savepoint.rollback().await?;
                    Err(error)
                }
                Err(error @ Error::Unavailable(_)) => return Err(error),
            });
        }
        tx.commit().await?;
        Ok(answers)
    }
}
