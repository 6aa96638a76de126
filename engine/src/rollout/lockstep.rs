//! One thread's share of a rollout: lanes that step together and take up the next episode when one
//! ends.

use std::ops::{ControlFlow, Range};

use super::error::Error;
use super::outcome::Rollout;
use super::plan::Plan;
use super::shared_progress::SharedProgress;
use super::stopping_rule::StoppingRule;
use crate::environment::{self, Environment};
use crate::episode::Episode;
use crate::lanes::{Actions, LaneMatrix, Transitions};
use crate::policy::{Actor, NotANumber, Policy};
use crate::space::ActionSpace;

/// Between two reports lie at most this many steps of single lanes, because environments that run
/// in another process may need 50 µs for each.
const STEPS_PER_REPORT: usize = 1024;
/// And at most this many multiplications: about ten milliseconds on one core.
const MULTIPLICATIONS_PER_REPORT: usize = 100_000_000;

/// Makes an environment with so many lanes; called once per thread.
pub type MakeEnvironment<'a> =
    dyn Fn(usize) -> Result<Box<dyn Environment>, environment::Error> + Sync + 'a;

/// Runs these episodes of the plan, until `rule` says that it is enough.
pub(super) fn run(
    make_environment: &MakeEnvironment<'_>,
    policy: &Policy,
    plan: &Plan,
    episodes: Range<u32>,
    mut rule: Option<&mut dyn StoppingRule>,
    progress: &SharedProgress<'_>,
) -> Result<Rollout, Error> {
    let lanes = plan.lanes.clamp(1, episodes.len().max(1));
    let environment = make_environment(lanes)?;
    let actor = Actor::new(policy, environment.spec(), lanes, plan.deterministic)?;
    let multiplications: usize = policy.layers.iter().map(|layer| layer.weight.len()).sum();
    let rounds_by_cost = MULTIPLICATIONS_PER_REPORT / (lanes * multiplications).max(1);
    let rounds = (STEPS_PER_REPORT / lanes).min(rounds_by_cost).max(1);

    let counted_apart = rule.is_some();
    let mut lockstep = Lockstep::new(
        environment,
        actor,
        lanes,
        plan.seed,
        episodes,
        counted_apart,
    );
    lockstep.fill(lanes)?;
    let (mut reported_episodes, mut reported_steps) = (0, 0);
    loop {
        for _ in 0..rounds {
            lockstep.step()?;
            // After each step: what the next one meets may be of an episode that nobody needs.
            if let Some(rule) = rule.as_deref_mut()
                && lockstep.show(rule).is_break()
            {
                let shown = lockstep.shown;
                return Ok(lockstep.into_rollout(shown));
            }
        }
        progress.report(
            lockstep.finished - reported_episodes,
            lockstep.steps - reported_steps,
        )?;
        (reported_episodes, reported_steps) = (lockstep.finished, lockstep.steps);
        if lockstep.running.is_empty() {
            let all = lockstep.records.len();
            return Ok(lockstep.into_rollout(all));
        }
    }
}

struct Lockstep {
    environment: Box<dyn Environment>,
    actor: Actor,
    seed: u64,
    /// The first of the episodes of this share.
    first: u32,
    /// Episodes that no lane has taken up yet.
    waiting: Range<u32>,
    /// The episode in each lane; lanes beyond it are idle.
    running: Vec<Running>,
    observations: LaneMatrix,
    transitions: Transitions,
    records: Vec<Episode>,
    action_counts: Option<ActionCounts>,
    finished: u32,
    /// How many episodes a rule has been shown.
    shown: usize,
    steps: u64,
}

/// How often each action was taken, of each episode apart where some may be discarded.
struct ActionCounts {
    actions: usize,
    /// How far an episode's counts are from those of the one before it; 0: all are counted together.
    stride: usize,
    counts: Vec<u64>,
}

#[derive(Clone, Copy)]
struct Running {
    episode: u32,
    total_reward: f64,
    steps: u32,
}

impl Lockstep {
    fn new(
        environment: Box<dyn Environment>,
        actor: Actor,
        lanes: usize,
        seed: u64,
        episodes: Range<u32>,
        counted_apart: bool,
    ) -> Self {
        let spec = environment.spec();
        let blank = Episode {
            episode_num: 0,
            seed: 0,
            total_reward: 0.0,
            steps: 0,
            success: false,
        };
        Self {
            observations: LaneMatrix::zeros(spec.observation_space.dimensions(), lanes),
            transitions: Transitions::new(lanes),
            records: vec![blank; episodes.len()],
            action_counts: match spec.action_space {
                ActionSpace::Discrete { n } => Some(ActionCounts::new(
                    n,
                    counted_apart.then_some(episodes.len()),
                )),
                ActionSpace::Box(_) => None,
            },
            running: Vec::with_capacity(lanes),
            first: episodes.start,
            waiting: episodes,
            environment,
            actor,
            seed,
            finished: 0,
            shown: 0,
            steps: 0,
        }
    }

    /// Starts the first episodes.
    fn fill(&mut self, lanes: usize) -> Result<(), Error> {
        for lane in 0..lanes {
            let Some(episode) = self.waiting.next() else {
                break;
            };
            let started = self.start(lane, episode)?;
            self.running.push(started);
        }
        Ok(())
    }

    fn start(&mut self, lane: usize, episode: u32) -> Result<Running, Error> {
        let seed = self.seed + u64::from(episode);
        self.environment.reset(lane, seed, &mut self.observations)?;
        self.actor.start_episode(lane, seed);
        Ok(Running {
            episode,
            total_reward: 0.0,
            steps: 0,
        })
    }

    /// Steps all running lanes once.
    fn step(&mut self) -> Result<(), Error> {
        let active = self.running.len();
        if active == 0 {
            return Ok(());
        }
        let actions = match self.actor.act(active, &self.observations) {
            Ok(actions) => actions,
            Err(NotANumber { lane, observed }) => {
                let Running { episode, steps, .. } = self.running[lane];
                return Err(Error::NotANumber {
                    seed: self.seed + u64::from(episode),
                    step: steps,
                    observed,
                });
            }
        };
        if let (Some(counts), Actions::Discrete(actions)) = (&mut self.action_counts, actions) {
            for (&action, running) in actions[..active].iter().zip(&self.running) {
                counts.add((running.episode - self.first) as usize, action as usize);
            }
        }
        self.environment.step(
            active,
            actions,
            &mut self.observations,
            &mut self.transitions,
        )?;
        self.steps += active as u64;
        for (running, reward) in self.running.iter_mut().zip(&self.transitions.rewards) {
            running.total_reward += reward;
            running.steps += 1;
        }
        // Downwards: a lane that moves into the place of an ended one has been looked at already.
        for lane in (0..active).rev() {
            if self.transitions.terminated[lane] || self.transitions.truncated[lane] {
                self.end(lane)?;
            }
        }
        Ok(())
    }

    /// Records the lane's episode and gives the lane the next one, or else the last running lane's.
    fn end(&mut self, lane: usize) -> Result<(), Error> {
        let Running {
            episode,
            total_reward,
            steps,
        } = self.running[lane];
        let terminated = self.transitions.terminated[lane];
        self.records[(episode - self.first) as usize] = Episode {
            episode_num: episode,
            seed: self.seed + u64::from(episode),
            total_reward,
            steps,
            success: self
                .environment
                .spec()
                .success
                .succeeded(total_reward, steps, terminated),
        };
        self.finished += 1;
        if let Some(next) = self.waiting.next() {
            self.running[lane] = self.start(lane, next)?;
            return Ok(());
        }
        let last = self.running.len() - 1;
        if lane != last {
            self.environment.move_lane(last, lane);
            self.observations.copy_lane(last, lane);
            self.actor.move_lane(last, lane);
        }
        self.running.swap_remove(lane);
        Ok(())
    }

    /// Shows a rule the episodes that have ended since it last looked, as far as all before them have.
    fn show(&mut self, rule: &mut dyn StoppingRule) -> ControlFlow<()> {
        // None ends before its first step.
        while let Some(episode) = self
            .records
            .get(self.shown)
            .filter(|record| record.steps > 0)
        {
            self.shown += 1;
            rule.observe(episode)?;
        }
        ControlFlow::Continue(())
    }

    /// The first episodes of this share.
    fn into_rollout(self, episodes: usize) -> Rollout {
        let mut records = self.records;
        records.truncate(episodes);
        Rollout {
            steps: records.iter().map(|episode| u64::from(episode.steps)).sum(),
            episodes: records,
            action_counts: self.action_counts.map(|counts| counts.of_first(episodes)),
        }
    }
}

impl ActionCounts {
    fn new(actions: usize, episodes_apart: Option<usize>) -> Self {
        Self {
            actions,
            stride: episodes_apart.map_or(0, |_| actions),
            counts: vec![0; actions * episodes_apart.unwrap_or(1)],
        }
    }

    fn add(&mut self, episode: usize, action: usize) {
        self.counts[episode * self.stride + action] += 1;
    }

    /// Of all that were counted together, or of the first ones that were counted apart.
    fn of_first(&self, episodes: usize) -> Vec<u64> {
        let rows = if self.stride == 0 { 1 } else { episodes };
        let mut total = vec![0; self.actions];
        for row in self.counts.chunks(self.actions.max(1)).take(rows) {
            for (total, count) in total.iter_mut().zip(row) {
                *total += count;
            }
        }
        total
    }
}
