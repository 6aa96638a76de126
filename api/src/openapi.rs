//! The OpenAPI 3.1 document, generated: paths, roles, limits and parameters from the table of
//! endpoints, bodies from the types that are parsed and serialised.

pub(crate) mod operation;

use std::collections::BTreeMap;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use self::operation::{Answer, Content, Operation};
use crate::endpoint::parameter::{Location, Parameter};
use crate::endpoint::{Access, Endpoint, Limit, Rule};
use crate::problem;

/// Where schemas of types stand.
const SCHEMAS: &str = "/components/schemas";

const DESCRIPTION: &str = "\
Evaluates reinforcement-learning agents, compares each result with a baseline, and says whether the agent regressed.

**Getting in:** `POST /auth/login` with a name and password gives an access token for an hour and a refresh token for a week; \
programs use a service token of an administrator. Either is sent as `Authorization: Bearer …`. Viewers read, developers also \
evaluate, administrators do everything.

**Errors** are `application/problem+json` (RFC 9457) with a stable `code`. **Limits** stand in `X-RateLimit-Limit`, \
`-Remaining` and `-Reset` (seconds) of every answer that is limited; 429 and 503 carry `Retry-After`. An access token that is \
nearly over is accepted with `X-Token-Expires-In`.";

/// The document of these operations.
fn document(operations: Vec<(Endpoint, Operation)>) -> Value {
    let mut schemas = Schemas::new();
    let operations: BTreeMap<&str, Operation> = operations
        .into_iter()
        .map(|(endpoint, operation)| (endpoint.id(), operation))
        .collect();
    let mut paths = Map::new();
    for endpoint in Endpoint::ALL {
        let Some(operation) = operations.get(endpoint.id()) else {
            continue;
        };
        let Rule { method, path, .. } = endpoint.rule();
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[method.to_ascii_lowercase()] = describe(*endpoint, operation, &mut schemas);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "T.A.R.S. Evaluation Engine",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This service"}],
        "tags": operation::TAGS.map(|(name, description)| json!({"name": name, "description": description})),
        "paths": paths,
        "components": {
            "schemas": schemas.finish(),
            "securitySchemes": {"bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": "An access token of POST /auth/login, or a service token (`tars_…`).",
            }},
        },
    })
}

/// The document as it is served and checked in.
pub(crate) fn text(operations: Vec<(Endpoint, Operation)>) -> String {
    // A map of strings and numbers always becomes JSON.
    let mut text = serde_json::to_string_pretty(&document(operations)).unwrap_or_default();
    text.push('\n');
    text
}

/// The schemas of the types that bodies are made of. What clients send and what they get may differ
/// for one type.
struct Schemas {
    sent: SchemaGenerator,
    got: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12()
                .with(|settings| settings.definitions_path = SCHEMAS.into())
        };
        Self {
            sent: settings().for_deserialize().into_generator(),
            got: settings().for_serialize().into_generator(),
        }
    }

    fn finish(mut self) -> Map<String, Value> {
        let mut all = self.sent.take_definitions(true);
        all.extend(self.got.take_definitions(true));
        all
    }
}

fn describe(endpoint: Endpoint, operation: &Operation, schemas: &mut Schemas) -> Value {
    let rule = endpoint.rule();
    let mut description = operation.description.to_owned();
    if !description.is_empty() {
        description.push_str("\n\n");
    }
    description.push_str(match rule.access {
        Access::Public => "Needs no account.",
        Access::AtLeast(tars_shared::account::Role::Viewer) => {
            "Needs the role viewer, developer or admin."
        }
        Access::AtLeast(tars_shared::account::Role::Developer) => {
            "Needs the role developer or admin."
        }
        Access::AtLeast(tars_shared::account::Role::Admin) => "Needs the role admin.",
    });
    description.push_str(match rule.limit {
        Limit::Public => " Counts for the limit of public requests.",
        Limit::Probes => " Counts for the limit of probes.",
        Limit::Auth => " Counts for the limit of account operations.",
        Limit::Writes => " Counts for the limit of writes.",
        Limit::Reads => " Counts for the limit of reads.",
    });
    let mut described = json!({
        "operationId": lower_first(endpoint.id()),
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": description,
        "parameters": endpoint.parameters().iter().map(parameter).collect::<Vec<_>>(),
        "responses": responses(endpoint, operation, schemas),
    });
    if rule.access != Access::Public {
        described["security"] = json!([{"bearer": []}]);
    }
    if let Some(body) = &operation.body {
        described["requestBody"] = json!({
            "required": body.required,
            "content": content(&body.content, &mut schemas.sent, body.example.as_ref()),
        });
    }
    described
}

fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_ascii_lowercase().to_string() + letters.as_str()
    })
}

fn parameter(parameter: &Parameter) -> Value {
    let mut described = json!({
        "name": parameter.name,
        "in": match parameter.location {
            Location::Path => "path",
            Location::Query => "query",
            Location::Header => "header",
        },
        "required": parameter.location == Location::Path,
        "description": parameter.description,
        "schema": parameter.kind.schema(),
    });
    // Only where it narrows nothing down: an example in the form of "try it out" would become a
    // filter.
    if parameter.location == Location::Path {
        described["example"] = json!(parameter.example);
    }
    described
}

/// What an operation answers itself, and what the gateway and the readers of bodies answer for it.
fn responses(endpoint: Endpoint, operation: &Operation, schemas: &mut Schemas) -> Value {
    let mut responses = Map::new();
    for Answer {
        status,
        description,
        content: body,
        headers,
    } in &operation.answers
    {
        let mut answer = json!({"description": description});
        if let Some(body) = body {
            answer["content"] = content(body, &mut schemas.got, None);
        }
        for (name, description) in headers {
            let header = json!({"description": description, "schema": {"type": "string"}});
            answer["headers"][name] = header;
        }
        responses.insert(status.to_string(), answer);
    }
    let problem = Content::Json(operation::schema_of::<problem::Document<'static>>);
    let problem = content(&problem, &mut schemas.got, None)["application/json"].clone();
    let mut fails = |status: u16, description: &str| {
        let answer =
            json!({"description": description, "content": {"application/problem+json": problem}});
        responses.entry(status.to_string()).or_insert(answer);
    };
    for (status, description) in &operation.failures {
        fails(*status, description);
    }
    let rule = endpoint.rule();
    fails(400, "The request is malformed.");
    if rule.access != Access::Public {
        fails(
            401,
            "No credentials, or some that are not valid. `token_expired` and `token_revoked` say so.",
        );
        fails(403, "The role does not suffice.");
    }
    fails(414, "The path and query string are too long.");
    fails(431, "There are too many headers, or they are too large.");
    if operation.body.is_some() {
        fails(408, "The body came too slowly.");
        fails(413, "The body is too large.");
        fails(
            415,
            "The body has another content type, or a content encoding.",
        );
    }
    if operation.body.is_some() || !endpoint.parameters().is_empty() {
        fails(422, "A value must be changed: `errors` names the field.");
    } else {
        fails(422, "A parameter is not one of this endpoint's.");
    }
    fails(
        429,
        "Asked too often, or too many jobs of the submitter are open: `Retry-After` says when to come back.",
    );
    fails(
        503,
        "A part of the service is away: the same request may work soon.",
    );
    Value::Object(responses)
}

fn content(content: &Content, generator: &mut SchemaGenerator, example: Option<&Value>) -> Value {
    let (media_type, schema) = match content {
        Content::Json(schema) => ("application/json", schema(generator).to_value()),
        Content::Text(media_type) => (*media_type, json!({"type": "string"})),
        Content::Events(schema) => (
            "text/event-stream",
            json!({
                "type": "object",
                "properties": {
                    "event": {"enum": ["progress", "end"]},
                    "data": {
                        "type": "string",
                        "contentMediaType": "application/json",
                        "contentSchema": schema(generator).to_value(),
                    },
                },
                "required": ["event", "data"],
            }),
        ),
        Content::Bytes { media_type, max } => (
            *media_type,
            json!({"type": "string", "minLength": 1, "maxLength": max}),
        ),
    };
    let mut described = json!({"schema": schema});
    if let Some(example) = example {
        described["example"] = example.clone();
    }
    json!({ media_type: described })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes;

    #[test]
    fn every_endpoint_is_described_once() {
        let described: Vec<_> = routes::operations()
            .into_iter()
            .map(|(endpoint, _)| endpoint)
            .collect();
        for endpoint in Endpoint::ALL {
            assert_eq!(
                described.iter().filter(|other| *other == endpoint).count(),
                1,
                "{endpoint:?}"
            );
        }
        assert_eq!(described.len(), Endpoint::ALL.len());
    }

    #[test]
    fn one_name_has_one_schema_in_both_directions() {
        let mut schemas = Schemas::new();
        for (_, operation) in routes::operations() {
            if let Some(Content::Json(schema)) = operation.body.map(|body| body.content) {
                schema(&mut schemas.sent);
            }
            for answer in operation.answers {
                if let Some(Content::Json(schema) | Content::Events(schema)) = answer.content {
                    schema(&mut schemas.got);
                }
            }
        }
        let (sent, got) = (
            schemas.sent.take_definitions(true),
            schemas.got.take_definitions(true),
        );
        for (name, schema) in &sent {
            assert!(
                got.get(name).is_none_or(|other| other == schema),
                "{name} differs"
            );
        }
    }

    /// `cargo run -- openapi > docs/openapi.json` renews it.
    #[test]
    fn the_document_that_is_checked_in_is_the_one_that_is_served() {
        let checked_in = include_str!("../../docs/openapi.json");
        assert!(
            checked_in == text(routes::operations()),
            "docs/openapi.json is out of date: cargo run -- openapi > docs/openapi.json"
        );
    }
}
