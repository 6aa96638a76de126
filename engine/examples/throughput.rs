//! Prints, as one line of JSON, how many steps per second one core makes: each native environment
//! alone, and CartPole driven by the SB3 policies that are given as arguments.
//!
//!     cargo run --release -p tars-engine --example throughput -- policy.zip …
//!
//! `loadtests/peers/engine_peers.py` runs it in turns with other implementations.

#[path = "../benches/throughput/bare.rs"]
mod bare;

use std::collections::BTreeMap;
use std::error::Error;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tars_engine::policy_file::{self, Format, Given};
use tars_engine::rollout::{self, Plan};
use tars_engine::{catalogue, environment};

use self::bare::Bare;

const LANES: usize = 64;
const EPISODES: u32 = 1000;
const TIME: Duration = Duration::from_millis(500);

/// Calls `work`, which returns how many steps it made, until [`TIME`] is over.
fn steps_per_second<E>(mut work: impl FnMut() -> Result<u64, E>) -> Result<f64, E> {
    let (start, mut steps) = (Instant::now(), 0);
    while start.elapsed() < TIME {
        steps += work()?;
    }
    Ok(steps as f64 / start.elapsed().as_secs_f64())
}

fn environment_alone(id: &str) -> Result<f64, Box<dyn Error>> {
    let mut bare = Bare::new(id, LANES);
    steps_per_second(|| {
        for _ in 0..1000 {
            bare.step();
        }
        Ok(1000 * LANES as u64)
    })
}

fn with_policy(path: &str) -> Result<f64, Box<dyn Error>> {
    let policy =
        policy_file::read(Format::Sb3Zip, &Given::default(), &std::fs::read(path)?)?.policy;
    let make =
        |lanes| Ok(environment::native("CartPole-v1", lanes).expect("the catalogue names it"));
    let plan = Plan::new(0, EPISODES, true);
    steps_per_second(|| {
        Ok(rollout::run(&make, &policy, &plan, &|_| ControlFlow::Continue(()))?.steps)
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut figures = BTreeMap::new();
    for spec in catalogue::native() {
        figures.insert(spec.id.to_string(), environment_alone(&spec.id)?);
    }
    for path in std::env::args().skip(1) {
        let figure = with_policy(&path)?;
        figures.insert(path, figure);
    }
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}
