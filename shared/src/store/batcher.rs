//! Many callers, one call to the store: what waits while the former batch is under way goes
//! together in the next one. A caller alone is a batch of one and waits for nobody.
//!
//! One batch at a time: with two, each is half as large, and the database commits twice as often.
//! Where nobody is in a hurry, there is a rest between two batches, for the same reason.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::Error;

/// Items of one batch. More of them save no more round trips, and make everybody wait for the
/// slowest.
const MAX_ITEMS: usize = 256;

/// How many times as long as a batch took the rest after it is.
const REST: u32 = 2;

/// The longest rest: a store that is slow once does not keep callers waiting.
const MAX_REST: Duration = Duration::from_millis(10);

/// Items that may wait for a place in a batch; callers beyond them wait for a place here.
const CAPACITY: usize = 4 * MAX_ITEMS;

/// What carries out a batch: an answer to each item in order, or no answer at all.
type CarryOut<T, R> =
    dyn Fn(Vec<T>) -> BoxFuture<'static, Result<Vec<Result<R, Error>>, Error>> + Send + Sync;

/// Puts the items of many callers into batches. Its task ends with it, after what was submitted.
#[derive(Debug)]
pub struct Batcher<T, R> {
    items: mpsc::Sender<Item<T, R>>,
}

#[derive(Debug)]
struct Item<T, R> {
    value: T,
    answer: oneshot::Sender<Result<R, Error>>,
}

impl<T: Send + 'static, R: Send + 'static> Batcher<T, R> {
    /// Carries out batches with `carry_out`, which gives up by itself when the store is silent.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn new<F>(carry_out: F) -> Self
    where
        F: Fn(Vec<T>) -> BoxFuture<'static, Result<Vec<Result<R, Error>>, Error>>,
        F: Send + Sync + 'static,
    {
        Self::with_rest(0, carry_out)
    }

    /// The same for callers who have others to go on with meanwhile: it rests after each batch for
    /// about as long as two of them take, so that the next one is larger, and spares the store. An
    /// item that comes after the rest waits for nobody.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn sparing<F>(carry_out: F) -> Self
    where
        F: Fn(Vec<T>) -> BoxFuture<'static, Result<Vec<Result<R, Error>>, Error>>,
        F: Send + Sync + 'static,
    {
        Self::with_rest(REST, carry_out)
    }

    fn with_rest<F>(rest: u32, carry_out: F) -> Self
    where
        F: Fn(Vec<T>) -> BoxFuture<'static, Result<Vec<Result<R, Error>>, Error>>,
        F: Send + Sync + 'static,
    {
        let (items, waiting) = mpsc::channel(CAPACITY);
        tokio::spawn(run(waiting, Arc::new(carry_out), rest));
        Self { items }
    }

    /// The answer to one item. Whoever stops waiting before its batch has begun has asked for
    /// nothing; afterwards the batch goes on without it.
    pub async fn submit(&self, value: T) -> Result<R, Error> {
        let (answer, answered) = oneshot::channel();
        let item = Item { value, answer };
        self.items.send(item).await.map_err(|_| broken())?;
        answered.await.map_err(|_| broken())?
    }
}

fn broken() -> Error {
    Error::Unavailable("the batch broke down".to_owned())
}

async fn run<T: Send + 'static, R: Send + 'static>(
    mut waiting: mpsc::Receiver<Item<T, R>>,
    carry_out: Arc<CarryOut<T, R>>,
    rest: u32,
) {
    loop {
        let mut items = Vec::new();
        if waiting.recv_many(&mut items, MAX_ITEMS).await == 0 {
            return;
        }
        items.retain(|item| !item.answer.is_closed());
        if items.is_empty() {
            continue;
        }
        // A task of its own: should it panic, its callers see it, and the next batch is none of it.
        let began = Instant::now();
        drop(tokio::spawn(answer(items, carry_out.clone())).await);
        let rest = (began.elapsed() * rest).min(MAX_REST);
        if !rest.is_zero() {
            tokio::time::sleep(rest).await;
        }
    }
}

async fn answer<T, R>(items: Vec<Item<T, R>>, carry_out: Arc<CarryOut<T, R>>) {
    let (values, callers): (Vec<_>, Vec<_>) = items
        .into_iter()
        .map(|item| (item.value, item.answer))
        .unzip();
    // A send fails where the caller has gone.
    match carry_out(values).await {
        Ok(answers) => {
            for (caller, answer) in callers.into_iter().zip(answers) {
                drop(caller.send(answer));
            }
        }
        Err(error) => {
            for caller in callers {
                drop(caller.send(Err(error.clone())));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::FutureExt as _;
    use futures_util::future::join_all;
    use tokio::sync::Notify;

    use super::*;

    /// Doubles numbers, one batch at a time as `go` says; the sizes of the batches.
    fn doubling(go: &Arc<Notify>) -> (Batcher<u32, u32>, Arc<Mutex<Vec<usize>>>) {
        let (go, sizes) = (go.clone(), Arc::new(Mutex::new(Vec::new())));
        let seen = sizes.clone();
        let batcher = Batcher::new(move |values: Vec<u32>| {
            seen.lock().unwrap().push(values.len());
            let go = go.clone();
            async move {
                go.notified().await;
                let double = |value| match value {
                    13 => Err(Error::Corrupt("unlucky".to_owned())),
                    value => Ok(2 * value),
                };
                Ok(values.into_iter().map(double).collect())
            }
            .boxed()
        });
        (batcher, sizes)
    }

    #[tokio::test]
    async fn a_caller_alone_is_a_batch_of_one_and_those_who_wait_go_together() {
        let go = Arc::new(Notify::new());
        let (batcher, sizes) = doubling(&go);
        let mut first = Box::pin(batcher.submit(1));
        assert!(futures_util::poll!(&mut first).is_pending());
        tokio::task::yield_now().await;
        let mut others = Box::pin(join_all((10..20).map(|value| batcher.submit(value))));
        assert!(futures_util::poll!(&mut others).is_pending());
        tokio::task::yield_now().await;
        go.notify_one();
        assert_eq!(first.await.unwrap(), 2);
        go.notify_one();
        for (value, answer) in (10..20).zip(others.await) {
            match value {
                13 => assert!(matches!(answer, Err(Error::Corrupt(_))), "one fails alone"),
                value => assert_eq!(answer.unwrap(), 2 * value, "each has its own answer"),
            }
        }
        assert_eq!(*sizes.lock().unwrap(), [1, 10]);
    }

    #[tokio::test]
    async fn who_has_gone_before_the_batch_began_is_not_in_it() {
        let go = Arc::new(Notify::new());
        let (batcher, sizes) = doubling(&go);
        let mut under_way = Box::pin(batcher.submit(1));
        assert!(futures_util::poll!(&mut under_way).is_pending());
        tokio::task::yield_now().await;
        let mut gone = Box::pin(batcher.submit(2));
        assert!(futures_util::poll!(&mut gone).is_pending());
        drop(gone);
        // This one began, and its batch goes on without it.
        drop(under_way);
        go.notify_one();
        let last = Box::pin(batcher.submit(3));
        go.notify_one();
        assert_eq!(last.await.unwrap(), 6);
        assert_eq!(*sizes.lock().unwrap(), [1, 1]);
    }

    #[tokio::test]
    async fn a_batch_without_an_answer_leaves_nobody_waiting() {
        let batcher = Batcher::<u32, u32>::new(|_| {
            async { Err(Error::Unavailable("away".to_owned())) }.boxed()
        });
        assert!(matches!(
            batcher.submit(1).await,
            Err(Error::Unavailable(_))
        ));
        let panics = Batcher::<u32, u32>::new(|_| async { panic!("a defect") }.boxed());
        assert!(matches!(panics.submit(1).await, Err(Error::Unavailable(_))));
    }
}
