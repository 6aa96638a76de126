//! How route files describe what they take and answer.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

/// The groups that operations are shown in.
pub(crate) const TAGS: [(&str, &str); 6] = [
    ("evaluations", "Submitting agents and following their jobs."),
    ("baselines", "What agents are compared with."),
    ("dead letters", "What ended without a result."),
    ("webhooks", "What receivers are told when a job has ended."),
    ("accounts", "Who may do what."),
    (
        "operations",
        "What operators, orchestrators and readers of this document ask.",
    ),
];

pub(crate) struct Operation {
    pub(crate) tag: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) description: &'static str,
    pub(crate) body: Option<Body>,
    pub(crate) answers: Vec<Answer>,
    /// Problems of its own; those of every operation are added.
    pub(crate) failures: Vec<(u16, &'static str)>,
}

pub(crate) struct Body {
    pub(crate) required: bool,
    pub(crate) content: Content,
    /// One that works when it is pasted.
    pub(crate) example: Option<Value>,
}

/// An answer that is no problem, or a problem in another form.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) description: &'static str,
    pub(crate) content: Option<Content>,
    /// Names and descriptions of headers of its own.
    pub(crate) headers: Vec<(&'static str, &'static str)>,
}

pub(crate) enum Content {
    /// JSON of this schema.
    Json(fn(&mut SchemaGenerator) -> Schema),
    Text(&'static str),
    /// Server-sent events whose data are JSON of this schema.
    Events(fn(&mut SchemaGenerator) -> Schema),
    /// Bytes of this media type, at most so many.
    Bytes {
        media_type: &'static str,
        max: usize,
    },
}

pub(crate) fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

impl Operation {
    pub(crate) fn new(tag: &'static str, summary: &'static str) -> Self {
        Self {
            tag,
            summary,
            description: "",
            body: None,
            answers: Vec::new(),
            failures: Vec::new(),
        }
    }

    pub(crate) fn described(self, description: &'static str) -> Self {
        Self {
            description,
            ..self
        }
    }

    /// A JSON body, and one that works when it is pasted.
    pub(crate) fn takes<T: JsonSchema>(self, example: Value) -> Self {
        let content = Content::Json(schema_of::<T>);
        Self {
            body: Some(Body {
                required: true,
                content,
                example: Some(example),
            }),
            ..self
        }
    }

    /// A JSON body that may be left out.
    pub(crate) fn may_take<T: JsonSchema>(self, example: Value) -> Self {
        let content = Content::Json(schema_of::<T>);
        Self {
            body: Some(Body {
                required: false,
                content,
                example: Some(example),
            }),
            ..self
        }
    }

    pub(crate) fn takes_bytes(self, media_type: &'static str, max: usize) -> Self {
        let content = Content::Bytes { media_type, max };
        Self {
            body: Some(Body {
                required: true,
                content,
                example: None,
            }),
            ..self
        }
    }

    pub(crate) fn answers<T: JsonSchema>(self, status: u16, description: &'static str) -> Self {
        self.answer(status, description, Some(Content::Json(schema_of::<T>)))
    }

    pub(crate) fn answers_text(
        self,
        status: u16,
        description: &'static str,
        media_type: &'static str,
    ) -> Self {
        self.answer(status, description, Some(Content::Text(media_type)))
    }

    pub(crate) fn answers_events<T: JsonSchema>(
        self,
        status: u16,
        description: &'static str,
    ) -> Self {
        self.answer(status, description, Some(Content::Events(schema_of::<T>)))
    }

    pub(crate) fn answers_nothing(self, status: u16, description: &'static str) -> Self {
        self.answer(status, description, None)
    }

    fn answer(mut self, status: u16, description: &'static str, content: Option<Content>) -> Self {
        self.answers.push(Answer {
            status,
            description,
            content,
            headers: Vec::new(),
        });
        self
    }

    /// A header of the answer that was described last.
    pub(crate) fn with_header(mut self, name: &'static str, description: &'static str) -> Self {
        let answer = self.answers.last_mut();
        let answer = answer.expect("a header follows the answer that carries it");
        answer.headers.push((name, description));
        self
    }

    /// A problem of its own.
    pub(crate) fn fails(mut self, status: u16, description: &'static str) -> Self {
        self.failures.push((status, description));
        self
    }
}
