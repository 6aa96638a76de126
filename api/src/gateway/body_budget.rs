//! The memory of all responses under way, bounded: a client that asks for much and takes none of it
//! would otherwise make the process keep it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use warp::reply::{Reply as _, Response};

use crate::problem::Problem;

/// Bytes of one unit of the budget.
const UNIT_BYTES: u64 = 1024;
/// What all larger bodies may take together, in units: 256 MiB.
const BUDGET_UNITS: usize = 256 * 1024;
/// Bodies up to this size are free: the number of connections bounds them.
const FREE_BYTES: u64 = 64 * 1024;

/// What bodies under way may take.
#[derive(Debug, Clone)]
pub(super) struct BodyBudget(Arc<Semaphore>);

impl Default for BodyBudget {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(BUDGET_UNITS)))
    }
}

impl BodyBudget {
    /// The response with its share of the budget, or a 503 while there is none.
    pub(super) fn charge(&self, response: Response) -> warp::http::Response<BudgetedBody> {
        let bytes = response.body().size_hint().lower();
        if bytes <= FREE_BYTES {
            return response.map(|body| BudgetedBody { body, _share: None });
        }
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX);
        if let Ok(share) = self.0.clone().try_acquire_many_owned(units) {
            return response.map(|body| BudgetedBody {
                body,
                _share: Some(share),
            });
        }
        tracing::warn!(bytes, "no memory is left for this response");
        let refused = Problem::unavailable().into_response();
        refused.map(|body| BudgetedBody { body, _share: None })
    }
}

/// A body that gives its share of the budget back when it is sent or dropped.
#[derive(Debug, Default)]
pub(crate) struct BudgetedBody {
    body: WarpBody,
    _share: Option<OwnedSemaphorePermit>,
}

/// The body of warp's responses, which has no public name.
type WarpBody = <Response as BodyOf>::Body;

/// Names the body of a response.
trait BodyOf {
    type Body;
}

impl<B> BodyOf for warp::http::Response<B> {
    type Body = B;
}

impl Body for BudgetedBody {
    type Data = Bytes;
    type Error = warp::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, warp::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_that_nobody_takes_are_bounded_together() {
        let budget = BodyBudget::default();
        let large = || Response::new(vec![0; 64 * 1024 * 1024].into());
        let small = || Response::new(vec![0; 1024].into());
        let mut held: Vec<_> = (0..4).map(|_| budget.charge(large())).collect();
        assert!(held.iter().all(|response| response.status() == 200));
        assert_eq!(budget.charge(large()).status(), 503);
        assert_eq!(budget.charge(small()).status(), 200, "problems get through");
        held.pop();
        assert_eq!(budget.charge(large()).status(), 200);
    }
}
