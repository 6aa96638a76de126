//! Agents whose difference is known. Their returns are those of real policies, drawn again and again
//! from many episodes.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::OnceLock;

use tars_engine::environment;
use tars_engine::policy::Policy;
use tars_engine::policy_file::{self, Format, Given};
use tars_engine::rollout::{self, Plan};
use tars_engine::seeding::Generator;

/// Episodes that returns are drawn from.
const POOL: u32 = 1_000;

type Draw<'a> = Box<dyn Fn(&mut Generator, usize) -> (Vec<f64>, Vec<f64>) + 'a>;

/// A candidate and a baseline whose difference is known.
pub(crate) struct Shape<'a> {
    pub(crate) environment: &'static str,
    pub(crate) change: &'static str,
    pub(crate) same_seeds: bool,
    draw: Draw<'a>,
}

impl Shape<'_> {
    /// Returns of the baseline and of the candidate.
    pub(crate) fn draw(&self, generator: &mut Generator, n: u32) -> (Vec<f64>, Vec<f64>) {
        (self.draw)(generator, n as usize)
    }
}

/// Returns of a trained policy, and of the same network with nothing learnt.
struct Pool {
    environment: &'static str,
    trained: Vec<f64>,
    collapsed: Vec<f64>,
}

/// Real policies, one of each environment.
pub(crate) struct Agents {
    pools: Vec<Pool>,
}

fn one(generator: &mut Generator, pool: &[f64]) -> f64 {
    let size = u32::try_from(pool.len()).expect("pools are small");
    pool[generator.integers_below(size) as usize]
}

fn many(generator: &mut Generator, pool: &[f64], n: usize) -> Vec<f64> {
    (0..n).map(|_| one(generator, pool)).collect()
}

fn policy(file: &str, normalizer: Option<&str>) -> Policy {
    let read = |name: &str| {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        fs::read(folder.join("..").join(name)).expect("it is in the repository")
    };
    let given = Given::default();
    let agent = policy_file::read(Format::Sb3Zip, &given, &read(file)).expect("SB3 saved it");
    let Some(normalizer) = normalizer else {
        return agent.policy;
    };
    let statistics = policy_file::read_vec_normalize(&read(normalizer)).expect("SB3 saved it");
    let agent = agent.normalized_by(statistics.expect("it normalises"));
    agent.expect("the dimensions agree").policy
}

fn returns(environment: &str, policy: &Policy, deterministic: bool) -> Vec<f64> {
    let make = |lanes| Ok(environment::native(environment, lanes).expect("it is native"));
    let plan = Plan::new(50_000, POOL, deterministic);
    let rollout = rollout::run(&make, policy, &plan, &|_| ControlFlow::Continue(()));
    let episodes = rollout.expect("the policy fits").episodes;
    episodes
        .iter()
        .map(|episode| episode.total_reward)
        .collect()
}

/// All weights and biases of the last layer at zero: it does the same, whatever it sees.
fn forgetful(mut policy: Policy) -> Policy {
    let last = policy.layers.last_mut().expect("it has layers");
    last.weight.fill(0.0);
    last.bias.fill(0.0);
    policy
}

impl Agents {
    /// Made once.
    pub(crate) fn get() -> &'static Self {
        static AGENTS: OnceLock<Agents> = OnceLock::new();
        AGENTS.get_or_init(Self::roll)
    }

    fn roll() -> Self {
        let policies = [
            ("CartPole-v1", "examples/policies/cartpole-a2c.zip", None),
            ("Acrobot-v1", "examples/policies/acrobot-ppo.zip", None),
            (
                "MountainCar-v0",
                "examples/policies/mountaincar-dqn.zip",
                None,
            ),
            (
                "Pendulum-v1",
                "examples/policies/pendulum-ppo-normalized.zip",
                Some("examples/policies/pendulum-ppo-normalized.pkl"),
            ),
        ];
        let pool = |(environment, file, normalizer)| {
            let policy = policy(file, normalizer);
            Pool {
                environment,
                trained: returns(environment, &policy, true),
                collapsed: returns(environment, &forgetful(policy), true),
            }
        };
        let mut pools: Vec<_> = policies.into_iter().map(pool).collect();
        // No trained policy of this environment is at hand: 93 ± 1 is what published ones reach.
        let mut generator = Generator::new(1);
        let reach = |_| 93.0 + generator.uniform(-1.5, 1.5);
        pools.push(Pool {
            environment: "MountainCarContinuous-v0",
            trained: (0..POOL).map(reach).collect(),
            collapsed: vec![-0.0; POOL as usize],
        });
        Self { pools }
    }

    /// The same policy: on the same seeds, on others, and with failures.
    pub(crate) fn unchanged(&self) -> Vec<Shape<'_>> {
        let mut shapes = Vec::new();
        for pool in &self.pools {
            shapes.push(Shape {
                environment: pool.environment,
                change: "the same, other seeds",
                same_seeds: false,
                draw: Box::new(|generator, n| {
                    let baseline = many(generator, &pool.trained, n);
                    (baseline, many(generator, &pool.trained, n))
                }),
            });
            shapes.push(Shape {
                environment: pool.environment,
                change: "the same, same seeds",
                same_seeds: true,
                draw: Box::new(|generator, n| {
                    let baseline = many(generator, &pool.trained, n);
                    (baseline.clone(), baseline)
                }),
            });
            shapes.push(Shape {
                environment: pool.environment,
                change: "the same, 5 % of the episodes fail",
                same_seeds: false,
                draw: Box::new(|generator, n| {
                    let baseline = mixed(generator, pool, 0.05, n);
                    (baseline, mixed(generator, pool, 0.05, n))
                }),
            });
        }
        shapes
    }

    /// One episode in five fails, which not every evaluation can tell.
    pub(crate) fn partial_regressions(&self) -> Vec<Shape<'_>> {
        self.pools.iter().map(failing_at_times).collect()
    }

    /// Regressions that nobody would argue about.
    pub(crate) fn clear_regressions(&self) -> Vec<Shape<'_>> {
        let fail = |pool| failing(pool, "every other episode fails, same seeds", 0.5);
        let pools = self.pools.iter();
        pools
            .flat_map(|pool| [forgetting(pool), fail(pool)])
            .collect()
    }

    /// Other distributions with the same mean.
    pub(crate) fn equal_on_average() -> Vec<Shape<'static>> {
        let rarely = |environment, change, level: f64, often: f64, rare: f64, chance: f64| Shape {
            environment,
            change,
            same_seeds: false,
            draw: Box::new(move |generator, n| {
                let spread = 0.05 * level.abs();
                let baseline = (0..n)
                    .map(|_| level + generator.uniform(-spread, spread))
                    .collect();
                let one = |_| {
                    if generator.random() < chance {
                        rare
                    } else {
                        often
                    }
                };
                (baseline, (0..n).map(one).collect())
            }),
        };
        vec![
            rarely(
                "MountainCar-v0",
                "often a little worse",
                -190.0,
                -200.0,
                -100.0,
                0.1,
            ),
            rarely(
                "MountainCar-v0",
                "rarely much worse",
                -110.0,
                -100.0,
                -200.0,
                0.1,
            ),
            rarely(
                "CartPole-v1",
                "often worse, rarely perfect",
                140.0,
                100.0,
                500.0,
                0.1,
            ),
            rarely("CartPole-v1", "rarely hopeless", 450.0, 499.0, 9.0, 0.1),
            rarely(
                "Pendulum-v1",
                "often a little worse",
                -600.0,
                -650.0,
                -150.0,
                0.1,
            ),
            rarely("Pendulum-v1", "half and half", -600.0, -1000.0, -200.0, 0.5),
            rarely(
                "Acrobot-v1",
                "rarely lost",
                -120.0,
                -77.777_777,
                -500.0,
                0.1,
            ),
        ]
    }

    /// Agents that lost the margin, a tenth of the baseline's mean, on average.
    pub(crate) fn lost_the_margin() -> Vec<Shape<'static>> {
        let shape = |environment, change, level: f64, lost: f64, chance: f64| Shape {
            environment,
            change,
            same_seeds: true,
            draw: Box::new(move |generator, n| {
                let one = |_| {
                    if generator.random() < chance {
                        lost
                    } else {
                        level
                    }
                };
                (vec![level; n], (0..n).map(one).collect())
            }),
        };
        vec![
            shape("CartPole-v1", "one in ten lost", 500.0, 0.0, 0.1),
            shape("CartPole-v1", "one in five half lost", 500.0, 250.0, 0.2),
            shape(
                "MountainCar-v0",
                "one in nine lost",
                -110.0,
                -200.0,
                11.0 / 90.0,
            ),
            shape(
                "Acrobot-v1",
                "one in fifty lost",
                -80.0,
                -500.0,
                8.0 / 420.0,
            ),
            shape(
                "Pendulum-v1",
                "one in ninety lost",
                -150.0,
                -1500.0,
                15.0 / 1350.0,
            ),
            shape(
                "MountainCarContinuous-v0",
                "one in ten does not arrive",
                93.0,
                0.0,
                0.1,
            ),
        ]
    }
}

/// Returns of which a share is of collapsed episodes.
fn mixed(generator: &mut Generator, pool: &Pool, share: f64, n: usize) -> Vec<f64> {
    let one = |_| {
        let from = if generator.random() < share {
            &pool.collapsed
        } else {
            &pool.trained
        };
        one(generator, from)
    };
    (0..n).map(one).collect()
}

/// A share of the baseline's episodes fails on the same seeds.
fn failing<'a>(pool: &'a Pool, change: &'static str, share: f64) -> Shape<'a> {
    Shape {
        environment: pool.environment,
        change,
        same_seeds: true,
        draw: Box::new(move |generator, n| {
            let baseline = many(generator, &pool.trained, n);
            let fails = |kept: &f64| {
                if generator.random() < share {
                    one(generator, &pool.collapsed)
                } else {
                    *kept
                }
            };
            let candidate = baseline.iter().map(fails).collect();
            (baseline, candidate)
        }),
    }
}

/// The network has forgotten all.
fn forgetting(pool: &Pool) -> Shape<'_> {
    Shape {
        environment: pool.environment,
        change: "nothing learnt, other seeds",
        same_seeds: false,
        draw: Box::new(|generator, n| {
            let baseline = many(generator, &pool.trained, n);
            (baseline, many(generator, &pool.collapsed, n))
        }),
    }
}

/// One episode in five fails, on whatever seed.
fn failing_at_times(pool: &Pool) -> Shape<'_> {
    Shape {
        environment: pool.environment,
        change: "one episode in five fails, other seeds",
        same_seeds: false,
        draw: Box::new(|generator, n| {
            let baseline = many(generator, &pool.trained, n);
            (baseline, mixed(generator, pool, 0.2, n))
        }),
    }
}
