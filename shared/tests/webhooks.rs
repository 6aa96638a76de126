//! Signatures of webhooks against those of the reference library (`shared/golden/webhooks.py`).

#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use tars_shared::webhook::{Headers, Rejected, Secret, Secrets, TOLERANCE, verify};

#[derive(Deserialize)]
struct Golden {
    secret: String,
    id: String,
    timestamp: i64,
    body: String,
    signature: String,
}

fn golden() -> Vec<Golden> {
    serde_json::from_str(include_str!("../golden/webhooks.json")).unwrap()
}

fn check(golden: &Golden, now: Option<DateTime<Utc>>) -> Result<(), Rejected> {
    let timestamp = golden.timestamp.to_string();
    let headers = Headers {
        id: &golden.id,
        timestamp: &timestamp,
        signature: &golden.signature,
    };
    let secrets: Secrets = golden.secret.parse().unwrap();
    verify(&secrets, headers, golden.body.as_bytes(), now)
}

#[test]
fn signatures_are_those_of_the_reference_library() {
    for golden in golden() {
        let secrets: Secrets = golden.secret.parse().unwrap();
        let signature = secrets.sign(&golden.id, golden.timestamp, golden.body.as_bytes());
        assert_eq!(signature, golden.signature);
        assert_eq!(check(&golden, None), Ok(()));
    }
}

#[test]
fn whatever_differs_is_rejected() {
    let rejected = Err(Rejected::Signature);
    let changes: [fn(&mut Golden); 9] = [
        |golden| golden.body.push(' '),
        |golden| golden.id.push('x'),
        |golden| golden.timestamp += 1,
        |golden| golden.signature = golden.signature.replace("v1,", "v1a,"),
        |golden| golden.signature = golden.signature.replace("v1,", ""),
        |golden| golden.signature.truncate(20),
        |golden| golden.signature = "v1,".to_owned(),
        |golden| golden.signature.clear(),
        |golden| golden.secret = Secret::generate().unwrap().to_string(),
    ];
    for change in changes {
        for mut golden in golden() {
            change(&mut golden);
            assert_eq!(check(&golden, None), rejected, "{}", golden.signature);
        }
    }
}

/// While one secret replaces another, either verifies.
#[test]
fn one_of_several_signatures_is_enough() {
    let [old, new] = [(); 2].map(|()| Secret::generate().unwrap());
    let both: Secrets = format!("{} {}", *new, *old).parse().unwrap();
    let signature = both.sign("id", 7, b"body");
    let headers = Headers {
        id: "id",
        timestamp: "7",
        signature: &signature,
    };
    for secret in [&old, &new] {
        let receivers: Secrets = secret.parse().unwrap();
        assert_eq!(verify(&receivers, headers, b"body", None), Ok(()));
    }
    let stranger: Secrets = Secret::generate().unwrap().parse().unwrap();
    let verified = verify(&stranger, headers, b"body", None);
    assert_eq!(verified, Err(Rejected::Signature));
}

#[test]
fn old_copies_and_other_times_are_rejected() {
    let golden = &golden()[0];
    let at = DateTime::from_timestamp(golden.timestamp, 0).unwrap();
    let second = TimeDelta::seconds(1);
    for (now, expected) in [
        (at + TOLERANCE, Ok(())),
        (at - TOLERANCE, Ok(())),
        (at + TOLERANCE + second, Err(Rejected::TooOld)),
        (at - TOLERANCE - second, Err(Rejected::TooNew)),
    ] {
        assert_eq!(check(golden, Some(now)), expected);
    }
    for timestamp in [
        "",
        "x",
        "1.5",
        "99999999999999999999",
        "9223372036854775807",
    ] {
        let headers = Headers {
            id: &golden.id,
            timestamp,
            signature: &golden.signature,
        };
        let secrets: Secrets = golden.secret.parse().unwrap();
        let verified = verify(&secrets, headers, b"", Some(at));
        assert_eq!(verified, Err(Rejected::Timestamp), "{timestamp}");
    }
}
