//! Batches with an item that the database refuses.

use futures_util::future::BoxFuture;

use super::Error;

/// Carries out a batch, each item for itself: where the values of one are refused, it is repeated by
/// halves until whoever is refused stands alone, so that nobody pays for a neighbour.
pub(super) async fn by_halves<'a, T, R>(
    items: &'a [T],
    carry_out: impl Fn(&'a [T]) -> BoxFuture<'a, Result<Vec<R>, Error>>,
) -> Result<Vec<Result<R, Error>>, Error> {
    let mut answers = Vec::with_capacity(items.len());
    let mut batches = vec![items];
    while let Some(batch) = batches.pop() {
        match carry_out(batch).await {
            Ok(answered) => answers.extend(answered.into_iter().map(Ok)),
            Err(Error::Corrupt(_)) if batch.len() > 1 => {
                let (first, second) = batch.split_at(batch.len() / 2);
                batches.extend([second, first]);
            }
            Err(error @ Error::Corrupt(_)) => answers.push(Err(error)),
            Err(error @ Error::Unavailable(_)) => return Err(error),
        }
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn whoever_is_refused_stands_alone_and_the_others_have_their_answers_in_order() {
        let calls = Mutex::new(0);
        let items: Vec<u32> = (0..100).collect();
        let answers = by_halves(&items, |batch| {
            *calls.lock().unwrap() += 1;
            let answer = if batch.contains(&13) {
                Err(Error::Corrupt("unlucky".to_owned()))
            } else {
                Ok(batch.iter().map(|item| 2 * item).collect())
            };
            async { answer }.boxed()
        });
        for (item, answer) in items.iter().zip(answers.await.unwrap()) {
            match answer {
                Ok(double) => assert_eq!(double, 2 * item),
                Err(error) => assert!(*item == 13 && matches!(error, Error::Corrupt(_))),
            }
        }
        assert!(*calls.lock().unwrap() <= 2 * 7 + 1, "in few calls");
    }

    #[tokio::test]
    async fn a_store_that_is_away_is_not_asked_by_halves() {
        let answers = by_halves(&[1, 2], |_| {
            async { Err::<Vec<()>, _>(Error::Unavailable("away".to_owned())) }.boxed()
        });
        assert!(matches!(answers.await, Err(Error::Unavailable(_))));
    }
}
