//! What keeps submitters out of each other's way. Each is an option and an environment variable.

use tars_shared::line::LANES;

/// What keeps submitters out of each other's way.
#[derive(Debug, Clone, Copy, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Fairness")]
pub struct Fairness {
    /// Lanes of each priority. A submitter's jobs wait in one or two of them, and workers take from one
    /// after the other; with 1, all wait in one line
    #[arg(long, env = "EVAL_LANES", default_value_t = LANES, value_name = "N", value_parser = lanes)]
    pub lanes: usize,
    /// Jobs of one submitter that may be queued or running at one time; 0: any number
    #[arg(
        long,
        env = "EVAL_MAX_OPEN_JOBS",
        default_value_t = 100_000,
        value_name = "N"
    )]
    pub max_open_jobs: u64,
}

impl Default for Fairness {
    fn default() -> Self {
        Self {
            lanes: LANES,
            max_open_jobs: 100_000,
        }
    }
}

fn lanes(text: &str) -> Result<usize, String> {
    let lanes = text.parse().ok();
    lanes
        .filter(|lanes| (1..=LANES).contains(lanes))
        .ok_or_else(|| format!("must be a number from 1 to {LANES}"))
}
