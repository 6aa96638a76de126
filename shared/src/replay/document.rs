//! A request as a client would write it, which is what people read and patch.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::agent::Blob;
use crate::request::body::Body;
use crate::request::{FieldError, Request};
use crate::webhook;

/// The request as a body of `POST /v1/evaluate`, every default filled in.
///
/// # Errors
/// Of a request that JSON cannot hold, which no valid one is.
pub fn document(request: &Request) -> serde_json::Result<Value> {
    let mut document = serde_json::to_value(&request.parameters)?;
    let mut agent = serde_json::to_value(&request.agent_state)?;
    if let Value::Object(agent) = &mut agent {
        agent.remove("policy");
        agent.extend(blob(&request.agent_state.policy));
        if let Some(statistics) = &request.agent_state.vec_normalize {
            agent.insert("vec_normalize".to_owned(), Value::Object(blob(statistics)));
        }
    }
    if let Value::Object(fields) = &mut document {
        fields.insert("agent_state".to_owned(), agent);
    }
    Ok(document)
}

fn blob(blob: &Blob) -> Map<String, Value> {
    let (name, value) = match blob {
        Blob::Artifact(digest) => ("artifact", json!(digest)),
        Blob::Inline(bytes) => ("data", json!(bytes)),
    };
    Map::from_iter([(name.to_owned(), value)])
}

/// The same for people: bytes are named, not shown, and so is what may be a secret of a webhook's
/// receiver.
pub fn shown(mut document: Value) -> Value {
    if let Some(Value::String(url)) = document.get_mut("callback_url") {
        *url = webhook::shown(url);
    }
    for pointer in ["/agent_state/data", "/agent_state/vec_normalize/data"] {
        if let Some(data) = document.pointer_mut(pointer) {
            let text = match &*data {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let hash = hex::encode(&Sha256::digest(&text)[..8]);
            *data = json!(format!("… {} characters, SHA-256 {hash}…", text.len()));
        }
    }
    document
}

/// A request after a JSON merge patch (RFC 7396), checked like a submission. `job_id` is the job's that it becomes.
///
/// # Errors
/// What is wrong with it.
pub fn patched(request: &Request, patch: &Value, job_id: Uuid) -> Result<Request, Vec<FieldError>> {
    let unreadable = |error: serde_json::Error| vec![FieldError::new("patch", error.to_string())];
    let mut document = document(request).map_err(unreadable)?;
    json_patch::merge(&mut document, patch);
    // The path through text is the one that keeps a policy's JSON as it was written.
    let text = serde_json::to_string(&document).map_err(unreadable)?;
    let body: Body = serde_json::from_str(&text).map_err(unreadable)?;
    body.validate(job_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::Digest;
    use crate::clock::System;
    use crate::conformance::samples;

    fn request() -> Request {
        samples::submission(&System).request
    }

    #[test]
    fn an_empty_patch_changes_nothing() {
        let mut request = request();
        for blob in [
            request.agent_state.policy.clone(),
            Blob::Artifact(Digest::of(b"policy")),
        ] {
            request.agent_state.policy = blob;
            assert_eq!(
                patched(&request, &json!({}), Uuid::nil()),
                Ok(request.clone())
            );
        }
        request.agent_state.vec_normalize = None;
        assert_eq!(patched(&request, &json!({}), Uuid::nil()), Ok(request));
    }

    #[test]
    fn a_patch_changes_replaces_and_removes() {
        let request = request();
        let artifact = Digest::of(b"mended");
        let patch = json!({
            "timeout_seconds": 600, "seed": null, "labels": {"team": null, "mended": "yes"},
            "agent_state": {"artifact": artifact, "data": null},
        });
        let id = Uuid::from_u128(5);
        let patched = patched(&request, &patch, id).unwrap();
        assert_eq!(patched.parameters.timeout_seconds, 600);
        assert_eq!(patched.parameters.seed, crate::submission::default_seed(id));
        assert_eq!(
            patched.parameters.labels.get("mended").map(String::as_str),
            Some("yes")
        );
        assert_eq!(patched.parameters.labels.get("team"), None);
        assert_eq!(patched.agent_state.policy, Blob::Artifact(artifact));
        assert_eq!(
            patched.parameters.environments,
            request.parameters.environments
        );
    }

    #[test]
    fn what_a_patch_makes_wrong_is_named() {
        let complaint = |patch| match patched(&request(), &patch, Uuid::nil()) {
            Err(complaints) => complaints[0].to_string(),
            Ok(_) => panic!("{patch} should be refused"),
        };
        let unknown = complaint(json!({"environments": ["Nowhere-v0"]}));
        assert!(unknown.starts_with("environments[0]"), "{unknown}");
        assert!(complaint(json!({"colour": "red"})).contains("colour"));
        assert!(complaint(json!([1])).starts_with("patch"));
    }

    #[test]
    fn people_see_neither_bytes_nor_secrets_of_receivers() {
        let mut request = request();
        request.parameters.callback_url = Some("https://example.org/x?key=1".to_owned());
        request.agent_state.policy = Blob::Inline(crate::agent::Base64(vec![7; 3000]));
        let shown = shown(document(&request).unwrap());
        let data = shown["agent_state"]["data"].as_str().unwrap();
        assert!(data.starts_with("… 4000 characters"), "{data}");
        assert_eq!(shown["agent_state"]["format"], "mlp-json");
        assert_eq!(shown["callback_url"], "https://example.org/x?…");
    }
}
