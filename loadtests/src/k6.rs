//! The scripts for k6 run here with stand-ins for what k6 brings, so that they parse, state the
//! stages and thresholds of their profiles, and send what the driver sends.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rquickjs::loader::{BuiltinLoader, BuiltinResolver};
use rquickjs::{Context, Ctx, Function, Module, Object, Runtime, Value as Script};
use serde::Deserialize;
use serde_json::Value;

use crate::arrivals::Arrivals;
use crate::profile::Profile;

const NAMES: [&str; 3] = ["sustained", "spike", "read-heavy"];
/// k6's modules, each with what it takes from the stand-ins.
const MODULES: [(&str, &str); 4] = [
    ("k6/http", "export { default } from 'stand-ins';"),
    (
        "k6/execution",
        "export { execution as default } from 'stand-ins';",
    ),
    ("k6", "export { check, sleep } from 'stand-ins';"),
    (
        "k6/metrics",
        "export { Counter, Rate, Trend } from 'stand-ins';",
    ),
];

/// Runs the script, then this expression, in which `script` is the script's module and `requests`
/// is what it has sent; gives its value.
fn evaluate(name: &str, environment: &str, expression: &str) -> Value {
    let file = format!("{name}.js");
    let source = |file: &str| fs::read_to_string(scripts().join(file)).unwrap();
    let main = format!(
        "import * as script from '{file}'; import {{ requests, execution }} from 'stand-ins'; globalThis.found = JSON.stringify({expression});"
    );
    let mut resolver = BuiltinResolver::default()
        .with_module("stand-ins")
        .with_module("load.js")
        .with_module(&*file);
    let mut loader = BuiltinLoader::default()
        .with_module("stand-ins", include_str!("k6/stand_ins.js"))
        .with_module("load.js", source("load.js"))
        .with_module(&*file, source(&file));
    for (module, text) in MODULES {
        resolver = resolver.with_module(module);
        loader = loader.with_module(module, text);
    }
    let runtime = Runtime::new().unwrap();
    runtime.set_loader(resolver, loader);
    Context::full(&runtime).unwrap().with(|ctx| {
        let globals = ctx.globals();
        let variables: Object = ctx.eval(format!("({environment})")).unwrap();
        globals.set("__ENV", variables).unwrap();
        let open = |path: String| fs::read_to_string(scripts().join(path)).unwrap();
        globals
            .set("open", Function::new(ctx.clone(), open).unwrap())
            .unwrap();
        if Module::evaluate(ctx.clone(), "main", main)
            .and_then(|promise| promise.finish::<()>())
            .is_err()
        {
            panic!("{file}: {}", thrown(&ctx));
        }
        serde_json::from_str(&globals.get::<_, String>("found").unwrap()).unwrap()
    })
}

fn thrown(ctx: &Ctx<'_>) -> String {
    let thrown: Script<'_> = ctx.catch();
    let exception = thrown.into_exception().unwrap();
    format!(
        "{} {}",
        exception.message().unwrap_or_default(),
        exception.stack().unwrap_or_default()
    )
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("k6")
}

fn profile(name: &str) -> Profile {
    Profile::read(&scripts().join(format!("../profiles/{name}.json"))).unwrap()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scenario {
    start_rate: f64,
    time_unit: String,
    stages: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    target: f64,
    duration: String,
}

impl Scenario {
    /// How many iterations k6 starts: its rate goes evenly from each target to the next.
    fn iterations(&self) -> f64 {
        assert_eq!(self.time_unit, "10s");
        let (mut rate, mut sum) = (self.start_rate, 0.0);
        for stage in &self.stages {
            let seconds: f64 = stage.duration.strip_suffix('s').unwrap().parse().unwrap();
            sum += f64::midpoint(rate, stage.target) * seconds / 10.0;
            rate = stage.target;
        }
        sum
    }
}

#[test]
fn each_script_makes_the_load_of_its_profile() {
    for name in NAMES {
        for (environment, short, scale) in [
            ("{}", false, 1.0),
            ("{SHORT: '1', SCALE: '10'}", true, 10.0),
        ] {
            let scenario = evaluate(
                name,
                environment,
                &format!("script.options.scenarios['{name}']"),
            );
            let scenario: Scenario = serde_json::from_value(scenario).unwrap();
            let count = Arrivals::of(&profile(name).stages(short, scale)).count() as f64;
            assert!(
                (scenario.iterations() - count).abs() < 1.0,
                "{name}: {} of {count}",
                scenario.iterations()
            );
        }
    }
}

#[test]
fn each_script_states_every_threshold_that_k6_can_measure() {
    let only_the_driver = [
        "recovery",
        "jobs not accounted for",
        "growth of descriptors",
        "growth of memory",
    ];
    for name in NAMES {
        let stated = evaluate(name, "{}", "script.options.thresholds");
        let stated: BTreeMap<String, Vec<String>> = serde_json::from_value(stated).unwrap();
        let profile = profile(name);
        let wanted = profile
            .thresholds
            .all()
            .filter(|(_, threshold)| !only_the_driver.contains(&&*threshold.metric.to_string()));
        assert_eq!(
            stated.values().map(Vec::len).sum::<usize>(),
            wanted.count(),
            "{name}: {stated:?}"
        );
    }
}

#[test]
fn a_bound_is_written_as_k6_reads_it() {
    let stated = evaluate("sustained", "{}", "script.options.thresholds");
    assert_eq!(stated["http_req_duration{kind:load}"][0], "p(95)<300");
    assert_eq!(
        stated["tars_errors"],
        serde_json::json!(["rate<0.01", "rate<=0"])
    );
}

#[test]
fn each_script_prepares_and_sends_what_its_mix_names() {
    let run = "(() => {
        const data = script.setup();
        const prepared = requests.length;
        for (let i = 0; i < 400; i += 1) {
            execution.vu.iterationInScenario = i;
            script.default(data);
        }
        return requests.slice(prepared);
    })()";
    for (name, submissions) in [
        ("sustained", 120..280),
        ("spike", 120..280),
        ("read-heavy", 0..1),
    ] {
        let sent = evaluate(name, "{TARS_TOKEN: 'tars_x'}", run);
        let sent = sent.as_array().unwrap();
        assert_eq!(sent.len(), 400, "{name}");
        assert!(
            sent.iter()
                .all(|request| request["headers"]["Authorization"] == "Bearer tars_x"),
            "{name}"
        );
        let posted = sent.iter().filter(|request| request["method"] == "POST");
        let keys: Vec<&str> = posted
            .map(|request| request["headers"]["Idempotency-Key"].as_str().unwrap())
            .collect();
        assert!(
            submissions.contains(&keys.len()),
            "{name}: {} submissions",
            keys.len()
        );
        assert_eq!(
            keys.iter().collect::<BTreeSet<_>>().len(),
            keys.len(),
            "each has a key of its own"
        );
        let read = sent.iter().filter(|request| request["method"] == "GET");
        assert!(
            read.clone().count() > 0
                && read
                    .clone()
                    .all(|request| request["url"].as_str().unwrap().contains("/v1/jobs/"))
        );
    }
}
