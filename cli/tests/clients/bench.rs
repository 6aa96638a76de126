//! A service to run `tars` against, and the files that the tests submit.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::run::{Run, command, run};
use crate::service::Service;

/// A service with its data, and the files that the tests submit.
pub(crate) struct Bench {
    pub(crate) service: Service,
    pub(crate) folder: TempDir,
    /// Of the first start, for all that follow.
    pub(crate) token: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let service = Service::start(&folder.path().join("data"));
        let token = service
            .token()
            .expect("the first start prints a token")
            .to_owned();
        Self {
            service,
            folder,
            token,
        }
    }

    pub(crate) fn tars(&self, arguments: &[&str]) -> Run {
        tars(self.service.url(), &self.token, arguments)
    }

    /// Runs with `--json` and reads what it prints.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let run = self.tars(&[arguments, &["--json"]].concat());
        serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("no JSON: {}{}", run.out, run.err))
    }

    /// A policy whose hidden layers are so wide that evaluating it takes long. It never reaches
    /// Acrobot's goal.
    pub(crate) fn slow_policy(&self, width: usize) -> String {
        let layer = |outputs: usize, inputs: usize| json!({"weight": vec![vec![0; inputs]; outputs], "bias": vec![0; outputs]});
        let policy = json!({
            "version": 1, "head": "values", "activation": "relu",
            "layers": [layer(width, 6), layer(width, width), layer(width, width), layer(3, width)],
        });
        let path = self.folder.path().join("slow.json");
        std::fs::write(&path, policy.to_string()).expect("there is room for a file");
        path.to_str().expect("the path is UTF-8").to_owned()
    }
}

pub(crate) fn tars(server: &str, token: &str, arguments: &[&str]) -> Run {
    run(&mut command(server, token, arguments))
}

pub(crate) fn example(name: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples/policies")
        .join(name);
    path.to_str().expect("the path is UTF-8").to_owned()
}

pub(crate) fn id(document: &Value) -> &str {
    document["job_id"].as_str().expect("an id")
}
