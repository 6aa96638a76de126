//! Measures how often early stops accuse, pass and save, on returns of real policies whose
//! comparison is known, and writes the table of docs/verdicts.md.
//!
//! `cargo test -p tars-engine --test stopping_simulation -- --nocapture` prints it.

#[path = "stopping_simulation/agents.rs"]
mod agents;

use tars_engine::catalogue::return_bounds;
use tars_engine::episode::Episode;
use tars_engine::metrics::Metrics;
use tars_engine::regression::{
    Baseline, Candidate, Regression, Sequential, Stopping, Thresholds, Verdict, judge_one,
};
use tars_engine::rollout::StoppingRule as _;
use tars_engine::seeding::Generator;
use tars_engine::statistics::Summary;

use self::agents::{Agents, Shape};

/// Evaluations per figure.
const RUNS: u32 = 2_000;

/// Episodes of each side.
const EPISODES: u32 = 100;

/// α and three binomial standard deviations of a rate of α in [`RUNS`] evaluations: 5 % + 1.46
/// points.
const AT_MOST_ALPHA: f64 = 0.0646;

/// Half of α, which is what early stops may use up, and the same allowance: 2.5 % + 1.05 points.
const AT_MOST_HALF: f64 = 0.0355;

/// When somebody looks.
#[derive(Debug, Clone, Copy)]
enum Schedule {
    Always,
    EveryTenth,
    Quarters,
    Doubling,
}

const SCHEDULES: [Schedule; 4] = [
    Schedule::Always,
    Schedule::EveryTenth,
    Schedule::Quarters,
    Schedule::Doubling,
];

impl Schedule {
    fn looks(self, episodes: usize) -> bool {
        match self {
            Self::Always => true,
            Self::EveryTenth => episodes.is_multiple_of(10),
            Self::Quarters => episodes.is_multiple_of(25),
            Self::Doubling => episodes.is_power_of_two(),
        }
    }
}

/// The default, but for the checks on variance and failures: they turn passes into undecided ones,
/// and here they would hide false passes.
fn thresholds() -> Thresholds {
    Thresholds {
        variance_multiplier: 1e6,
        failure_rate: 1.0,
        ..Thresholds::default()
    }
}

/// As much of an evaluation's metrics as verdicts need.
fn metrics(episodes: &[Episode]) -> Metrics {
    let summary = Summary::of(episodes.iter().map(|episode| episode.total_reward));
    Metrics {
        mean_reward: summary.mean,
        std_reward: summary.population_variance.sqrt(),
        min_reward: summary.mean,
        max_reward: summary.mean,
        success_rate: 1.0,
        mean_steps: 1.0,
        reward_variance: summary.population_variance,
        action_entropy: None,
        iqm_reward: summary.mean,
        mean_reward_ci95: None,
        iqm_reward_ci95: None,
        mean_loss: None,
        loss_trend: None,
    }
}

fn episodes(first_seed: u64, returns: &[f64]) -> Vec<Episode> {
    let episode = |(number, &total_reward): (u32, &f64)| Episode {
        episode_num: number,
        seed: first_seed + u64::from(number),
        total_reward,
        steps: 1,
        success: true,
    };
    (0..).zip(returns).map(episode).collect()
}

/// One evaluation against a baseline, both drawn anew: for each schedule the verdict, and the episodes
/// that it took.
fn trial(
    shape: &Shape<'_>,
    generator: &mut Generator,
    schedules: &[Schedule],
) -> Vec<(Verdict, usize)> {
    let (baseline, candidate) = shape.draw(generator, EPISODES);
    let (first, other) = (1_000, 1_000_000);
    let baseline = episodes(if shape.same_seeds { first } else { other }, &baseline);
    let baseline = Baseline::of(&metrics(&baseline), &baseline);
    let candidate = episodes(first, &candidate);
    let stopping = Stopping {
        seed: first,
        episodes: EPISODES,
        environments: 1,
        bounds: return_bounds(shape.environment),
    };
    let mut rule = Sequential::new(&baseline, &[], stopping, &thresholds())
        .expect("returns and bounds are known");
    let mut ends = vec![None; schedules.len()];
    for (used, episode) in (1..).zip(&candidate) {
        if ends.iter().all(Option::is_some) {
            break;
        }
        if rule.observe(episode).is_break() {
            let looking = ends.iter_mut().zip(schedules);
            for (end, _) in looking.filter(|(_, schedule)| schedule.looks(used)) {
                end.get_or_insert(used);
            }
        }
    }
    let run = |end: &Option<usize>| {
        let used = end.unwrap_or(candidate.len());
        let judged = judged(
            shape.environment,
            &candidate[..used],
            &baseline,
            Some(stopping),
        );
        let early = used < candidate.len();
        assert!(
            !early || judged.verdict != Verdict::Inconclusive,
            "a verdict was safe: {}",
            judged.reason
        );
        (judged.verdict, used)
    };
    ends.iter().map(run).collect()
}

fn judged(
    environment: &str,
    candidate: &[Episode],
    baseline: &Baseline,
    stopping: Option<Stopping>,
) -> Regression {
    let candidate = Candidate {
        environment,
        episodes: candidate,
        metrics: &metrics(candidate),
        baseline,
        losses: &[],
        stopping,
    };
    judge_one(&candidate, &thresholds())
}

/// What became of [`RUNS`] evaluations.
#[derive(Default)]
struct Rates {
    regressions: f64,
    passes: f64,
    used: f64,
    /// Verdicts before the last episode.
    early_regressions: f64,
    early_passes: f64,
}

fn rates(seed: u64, shape: &Shape<'_>, schedules: &[Schedule]) -> Vec<Rates> {
    let mut generator = Generator::new(seed);
    let mut rates: Vec<_> = schedules.iter().map(|_| Rates::default()).collect();
    let one = 1.0 / f64::from(RUNS);
    for _ in 0..RUNS {
        let trials = trial(shape, &mut generator, schedules);
        for (rates, (verdict, used)) in rates.iter_mut().zip(trials) {
            let early = if used < EPISODES as usize { one } else { 0.0 };
            match verdict {
                Verdict::Regression => {
                    rates.regressions += one;
                    rates.early_regressions += early;
                }
                Verdict::Pass => {
                    rates.passes += one;
                    rates.early_passes += early;
                }
                Verdict::Inconclusive => {}
            }
            rates.used += one * used as f64;
        }
    }
    rates
}

fn always(seed: u64, shape: &Shape<'_>) -> Rates {
    rates(seed, shape, &[Schedule::Always]).remove(0)
}

/// The verdicts of the test of all episodes alone.
fn fixed(seed: u64, shape: &Shape<'_>) -> Rates {
    let mut generator = Generator::new(seed);
    let mut rates = Rates::default();
    let one = 1.0 / f64::from(RUNS);
    for _ in 0..RUNS {
        let (baseline, candidate) = shape.draw(&mut generator, EPISODES);
        let baseline = episodes(if shape.same_seeds { 0 } else { 1_000_000 }, &baseline);
        let baseline = Baseline::of(&metrics(&baseline), &baseline);
        let judged = judged(shape.environment, &episodes(0, &candidate), &baseline, None);
        match judged.verdict {
            Verdict::Regression => rates.regressions += one,
            Verdict::Pass => rates.passes += one,
            Verdict::Inconclusive => {}
        }
    }
    rates
}

#[track_caller]
fn assert_at_most(rate: f64, bound: f64, what: &str) {
    assert!(rate <= bound, "{what}: {rate} is more than {bound}");
}

/// Whenever somebody looks: after each episode, or at times that were agreed on.
#[test]
fn an_unchanged_agent_is_rarely_accused_whenever_one_looks() {
    for (seed, shape) in (100..).zip(Agents::get().unchanged()) {
        for (schedule, rates) in SCHEDULES.iter().zip(rates(seed, &shape, &SCHEDULES)) {
            let what = format!("{}, {}, {schedule:?}", shape.environment, shape.change);
            assert_at_most(rates.regressions, AT_MOST_ALPHA, &what);
            assert_at_most(rates.early_regressions, AT_MOST_HALF, &what);
        }
    }
}

/// Another agent, better in most episodes and worse in some, or the other way round: the differences
/// are not symmetrical then, and only their mean is zero.
#[test]
fn another_agent_that_is_as_good_on_average_is_rarely_accused() {
    for (seed, shape) in (200..).zip(Agents::equal_on_average()) {
        let rates = always(seed, &shape);
        let what = format!("{}, {}", shape.environment, shape.change);
        assert_at_most(rates.early_regressions, AT_MOST_HALF, &what);
    }
}

/// Nothing is assumed of how the differences are spread. The test of all episodes cannot promise that
/// (docs/adr/0003-three-way-verdict.md), so early passes are counted alone.
#[test]
fn an_agent_that_lost_the_margin_rarely_passes_whenever_one_looks() {
    for (seed, shape) in (300..).zip(Agents::lost_the_margin()) {
        for (schedule, rates) in SCHEDULES.iter().zip(rates(seed, &shape, &SCHEDULES)) {
            let what = format!("{}, {}, {schedule:?}", shape.environment, shape.change);
            assert_at_most(rates.early_passes, AT_MOST_HALF, &what);
        }
    }
}

#[test]
fn a_clear_regression_takes_half_of_the_episodes_at_most() {
    for (seed, shape) in (400..).zip(Agents::get().clear_regressions()) {
        let rates = always(seed, &shape);
        let what = format!("{}, {}", shape.environment, shape.change);
        assert!(rates.regressions >= 0.99, "{what}: {}", rates.regressions);
        assert_at_most(rates.used, f64::from(EPISODES) / 2.0, &what);
    }
}

/// The table of docs/verdicts.md is what this computes.
#[test]
fn the_table_in_the_documents_is_what_is_measured() {
    let mut table = String::from(
        "| environment | candidate | regressions, all episodes | with early stops | passes, all episodes | with early stops | episodes used, of 100 |\n\
         |---|---|---|---|---|---|---|\n",
    );
    let agents = Agents::get();
    let shapes = agents
        .unchanged()
        .into_iter()
        .chain(agents.partial_regressions())
        .chain(agents.clear_regressions());
    for (seed, shape) in (500..).zip(shapes) {
        let (early, all) = (always(seed, &shape), fixed(seed, &shape));
        let percent = |rate: f64| format!("{:.1} %", 100.0 * rate);
        table += &format!(
            "| {} | {} | {} | {} | {} | {} | {:.0} |\n",
            shape.environment,
            shape.change,
            percent(all.regressions),
            percent(early.regressions),
            percent(all.passes),
            percent(early.passes),
            early.used
        );
    }
    println!("{table}");
    let document = include_str!("../../docs/verdicts.md");
    assert!(
        document.contains(&table),
        "put this table into docs/verdicts.md:\n{table}"
    );
}
