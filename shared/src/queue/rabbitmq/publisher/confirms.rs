//! What the broker decided about publications, and whose message came back.

use std::collections::HashSet;

use lapin::Confirmation;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::super::message;
use crate::queue::Error;

/// A publication that the broker, or the loss of the channel, has decided.
pub(super) struct Decided {
    /// The message's id.
    pub(super) id: Uuid,
    /// Who waits for the decision.
    pub(super) answer: oneshot::Sender<Result<(), Error>>,
    /// What the driver says: a message that comes with a confirm came back, but it may be
    /// another's.
    pub(super) confirmation: lapin::Result<Confirmation>,
}

/// The confirms of one channel.
#[derive(Debug, Default)]
pub(super) struct Confirms {
    /// The ids of messages that came back before their own confirm.
    returned: HashSet<Uuid>,
}

impl Confirms {
    /// Answers each.
    pub(super) fn settle(&mut self, mut all: Vec<Decided>) {
        for decided in &mut all {
            if let Ok(Confirmation::Ack(back) | Confirmation::Nack(back)) =
                &mut decided.confirmation
                && let Some(back) = back.take()
            {
                self.returned
                    .insert(message::id(&back.properties, &back.data));
            }
        }
        for Decided {
            id,
            answer,
            confirmation,
        } in all
        {
            let came_back = self.returned.remove(&id);
            let result = match confirmation {
                // An unroutable message is confirmed too: the broker has dealt with it.
                Ok(Confirmation::Ack(_)) if came_back => {
                    Err("no queue takes the message".to_owned())
                }
                Ok(Confirmation::Ack(_)) => Ok(()),
                Ok(Confirmation::Nack(_)) => Err("the broker refused the message".to_owned()),
                Ok(Confirmation::NotRequested) => Err("the channel gives no confirms".to_owned()),
                Err(error) => Err(format!("publishing failed: {error}")),
            };
            // Whoever does not wait any more has been told that the outcome is unknown.
            drop(answer.send(result.map_err(Error::Unavailable)));
        }
    }
}

#[cfg(test)]
mod tests {
    use lapin::message::{BasicReturnMessage, Delivery};

    use super::*;

    type Answer = oneshot::Receiver<Result<(), Error>>;

    fn decided(id: Uuid, confirmation: Confirmation) -> (Decided, Answer) {
        let (answer, answered) = oneshot::channel();
        (
            Decided {
                id,
                answer,
                confirmation: Ok(confirmation),
            },
            answered,
        )
    }

    fn returned(id: Uuid) -> BasicReturnMessage {
        let mut delivery = Delivery::mock(0, "tars.jobs".into(), "high".into(), false, Vec::new());
        delivery.properties = message::properties(id);
        BasicReturnMessage {
            delivery,
            reply_code: 312,
            reply_text: "NO_ROUTE".into(),
        }
    }

    /// The driver gives a returned message to the next confirm, which may be that of another
    /// publication.
    #[test]
    fn a_message_that_came_back_with_another_s_confirm_is_not_confirmed() {
        let (lost, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        for together in [true, false] {
            let mut confirms = Confirms::default();
            let (first, mut first_answer) = decided(other, Confirmation::Ack(Some(returned(lost))));
            let (second, mut second_answer) = decided(lost, Confirmation::Ack(None));
            if together {
                confirms.settle(vec![second, first]);
            } else {
                confirms.settle(vec![first]);
                confirms.settle(vec![second]);
            }
            assert!(
                first_answer.try_recv().unwrap().is_ok(),
                "the other is confirmed"
            );
            assert!(
                second_answer.try_recv().unwrap().is_err(),
                "what came back is not"
            );
            assert!(
                confirms.returned.is_empty(),
                "and nothing is remembered for ever"
            );
        }
    }

    #[test]
    fn what_the_broker_refuses_is_not_confirmed() {
        let (refused, mut answer) = decided(Uuid::from_u128(1), Confirmation::Nack(None));
        Confirms::default().settle(vec![refused]);
        assert!(answer.try_recv().unwrap().is_err());
    }
}
