//! An accepted evaluation on its way to a worker: the wire message, and what the store keeps.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::agent::PolicyOptions;
use crate::artifact::Digest;
use crate::line::{Lane, Line};
use crate::request::{Request, Stop};

/// The versions of the wire format that this program understands. A worker leaves others to newer
/// workers.
pub const VERSIONS: std::ops::RangeInclusive<u32> = 1..=4;

/// The oldest version that means what this request says: workers that know only version 1 would
/// ignore the options of a policy file, and evaluate it otherwise; those that know only version 2
/// would make a row without the address of a webhook, should there be none yet; and those
/// of version 3 would run every episode of one that may stop early, and judge by a test that has the
/// whole error rate.
pub fn version_of(request: &Request) -> u32 {
    if request.parameters.stop == Stop::WhenDecided {
        4
    } else if request.parameters.callback_url.is_some() {
        3
    } else if request.agent_state.options == PolicyOptions::default() {
        1
    } else {
        2
    }
}

/// The namespace of job ids that derive from an idempotency key.
const JOBS: Uuid = Uuid::from_u128(0x7a25_11b7_4f0c_5c58_9d8e_3f5d_8b64_0e01);

/// An accepted evaluation. It is complete: a worker that has it needs no row to start from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Submission {
    /// The wire format's version.
    pub version: u32,
    /// The job's id.
    pub job_id: Uuid,
    /// Who submitted it.
    pub subject: String,
    /// The hash of the request as the client sent it, to recognise a key that comes back with
    /// another body.
    pub request_hash: Digest,
    /// When it was accepted.
    pub submitted_at: DateTime<Utc>,
    /// The failed or cancelled job that this one repeats.
    pub retry_of: Option<Uuid>,
    /// Where it waits among those of its priority. Decided once, so that all who publish it put it
    /// into the same line.
    #[serde(default, skip_serializing_if = "Lane::is_first")]
    pub lane: Lane,
    /// What to evaluate.
    pub request: Request,
}

impl Submission {
    /// Where its messages wait.
    pub fn line(&self) -> Line {
        Line {
            priority: self.request.parameters.priority,
            lane: self.lane,
        }
    }
}

/// The job id of an idempotency key: the same subject and key always give the same job.
pub fn keyed_job_id(subject: &str, idempotency_key: &str) -> Uuid {
    Uuid::new_v5(
        &JOBS,
        format!("key\0{subject}\0{idempotency_key}").as_bytes(),
    )
}

/// The job id of a retry: asking twice for a retry of the same job gives the same new job.
pub fn retry_job_id(retried: Uuid) -> Uuid {
    Uuid::new_v5(&JOBS, format!("retry\0{retried}").as_bytes())
}

/// The seed of a request that names none: 31 bits, the same for the same job.
pub fn default_seed(job_id: Uuid) -> u64 {
    let hash = Sha256::digest(job_id.as_bytes());
    u64::from(u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::{AgentState, Base64, Blob};
    use crate::request::body::Body;

    /// A worker that knows version 1 alone reads an agent without options as it is meant.
    #[test]
    fn a_request_that_says_more_than_a_version_could_is_of_the_next() {
        let body = r#"{"agent_type": "PPO", "agent_state": {"format": "torch", "data": "AAAA"}}"#;
        let body: Body = serde_json::from_str(body).unwrap();
        let mut request = body.validate(Uuid::nil()).unwrap();
        assert_eq!(version_of(&request), 1);
        let plain = AgentState {
            policy: Blob::Inline(Base64(vec![1])),
            format: None,
            vec_normalize: None,
            options: PolicyOptions::default(),
        };
        let text = serde_json::to_value(&plain).unwrap();
        let fields: Vec<_> = text.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["format", "policy", "vec_normalize"]);
        request.agent_state.options.rescale_actions = true;
        assert_eq!(version_of(&request), 2);
        assert!(
            !serde_json::to_string(&request)
                .unwrap()
                .contains("callback")
        );
        request.parameters.callback_url = Some("https://example.org".to_owned());
        assert_eq!(version_of(&request), 3);
        assert!(VERSIONS.contains(&3));
        request.parameters.stop = Stop::WhenDecided;
        assert_eq!(version_of(&request), 4);
        assert!(VERSIONS.contains(&4));
    }
}
