//! The JSON Schemas of a request's parts that no attribute can describe.
//!
//! A value that satisfies them is accepted, but for what no schema can say: whether an artifact is
//! stored, that one is not larger than allowed by a byte or two, and that numbers fit into a
//! double.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};
use tars_engine::policy::Activation;
use tars_engine::policy_file::Format;

use super::hyperparameter::Hyperparameter;
use super::limits;
use crate::agent::Observations;
use crate::artifact::{self, Digest};
use crate::webhook;

/// Base64 as it is decoded: standard alphabet, padding, and no bits left over behind the last byte.
const BASE64: &str =
    "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=|[A-Za-z0-9+/][AQgw]==)?$";

/// Hyperparameters, in an evaluation and beside a baseline.
pub fn hyperparameters(generator: &mut SchemaGenerator) -> Schema {
    let value = generator.subschema_for::<Hyperparameter>();
    map(
        &value,
        &json!({"learning_rate": 0.0003, "optimizer": "adam"}),
    )
}

pub(super) fn labels(_: &mut SchemaGenerator) -> Schema {
    let value = json_schema!({"type": "string", "maxLength": limits::VALUE_CHARACTERS, "pattern": limits::NO_NUL});
    map(&value, &json!({"commit": "4f2a91c"}))
}

pub(super) fn callback_url(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["string", "null"],
        "maxLength": webhook::MAX_CHARACTERS,
        "pattern": webhook::PATTERN,
        "examples": ["https://ci.example.org/hooks/tars"],
    })
}

fn map(value: &Schema, example: &Value) -> Schema {
    json_schema!({
        "type": "object",
        "propertyNames": {"minLength": 1, "maxLength": limits::KEY_CHARACTERS, "pattern": limits::NO_NUL},
        "additionalProperties": value,
        "maxProperties": limits::MAP_ENTRIES,
        "examples": [example],
    })
}

/// A policy. `statistics` describes the optional `VecNormalize` statistics beside it.
pub(super) fn agent_state(generator: &mut SchemaGenerator, statistics: &Schema) -> Schema {
    let format = json!(generator.subschema_for::<Format>());
    let digest = json!(generator.subschema_for::<Digest>());
    let options = agent_options(generator, statistics);
    let variant = |about: Value, properties: Value, required: &[&str]| {
        let mut variant = about;
        variant["type"] = "object".into();
        variant["properties"] = merged(properties, &options);
        variant["required"] = required.into();
        variant["additionalProperties"] = false.into();
        variant
    };
    json_schema!({
        "description": "A policy: a file's bytes, or a stored artifact.",
        "oneOf": [
            variant(
                json!({"title": "A file in base64"}),
                json!({
                    "artifact": {"type": "null"},
                    "format": format,
                    "data": base64(),
                }),
                &["format", "data"],
            ),
            variant(
                json!({"title": "An mlp-json document"}),
                json!({
                    "artifact": {"type": "null"},
                    "format": {"type": "string", "const": Format::MlpJson},
                    "data": {"description": "The document itself.", "type": "object"},
                }),
                &["format", "data"],
            ),
            variant(
                json!({
                    "title": "A stored artifact",
                    "description": "By the digest that `PUT /v1/artifacts` answered with.",
                }),
                json!({
                    "artifact": digest,
                    "format": {
                        "description": "Told from the first bytes by default.",
                        "anyOf": [format, {"type": "null"}],
                    },
                    "data": {"type": "null"},
                }),
                &["artifact"],
            ),
        ],
    })
}

/// What may stand beside each kind of policy.
fn agent_options(generator: &mut SchemaGenerator, statistics: &Schema) -> Value {
    let activation = generator.subschema_for::<Activation>();
    let flag = |description: &str| json!({"description": description, "type": ["boolean", "null"], "default": false});
    json!({
        "vec_normalize": statistics,
        "activation": {
            "description": "The function between the layers, where the file does not say it.",
            "anyOf": [activation, {"type": "null"}],
        },
        "trust_architecture": flag(
            "A policy class that is not Stable-Baselines3's computes what the standard one would.",
        ),
        "rescale_actions": flag(
            "Map actions to the environment's bounds, as Gymnasium's RescaleAction does.",
        ),
        "observations": {
            "description": "For a policy that was trained on observations with other bounds than \
                            the environment's: its own, or mapped to the policy's bounds as \
                            Gymnasium's RescaleObservation does. Without it the policy is refused.",
            "anyOf": [generator.subschema_for::<Observations>(), {"type": "null"}],
        },
    })
}

/// An object with the entries of another.
fn merged(mut object: Value, other: &Value) -> Value {
    if let (Some(object), Some(other)) = (object.as_object_mut(), other.as_object()) {
        object.extend(other.clone());
    }
    object
}

/// `VecNormalize` statistics.
pub(super) fn statistics(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "`VecNormalize` statistics of Stable-Baselines3 (`.pkl`), applied to every observation.",
        "oneOf": [
            {
                "title": "A stored artifact",
                "type": "object",
                "properties": {"artifact": generator.subschema_for::<Digest>(), "data": {"type": "null"}},
                "required": ["artifact"],
                "additionalProperties": false,
            },
            {
                "title": "A file in base64",
                "type": "object",
                "properties": {"artifact": {"type": "null"}, "data": base64()},
                "required": ["data"],
                "additionalProperties": false,
            },
        ],
    })
}

fn base64() -> Schema {
    json_schema!({
        "description": "Standard base64 with padding; at most 10 MiB after decoding.",
        "type": "string",
        "contentEncoding": "base64",
        "pattern": BASE64,
        "minLength": 4,
        "maxLength": artifact::MAX_BYTES.div_ceil(3) * 4,
    })
}
