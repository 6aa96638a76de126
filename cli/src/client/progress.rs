//! Shows how far jobs have come, on standard error: bars in a terminal, lines elsewhere.

use std::io::IsTerminal as _;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tars_client::Observer;
use tars_shared::job::Status;

use super::job::Job;

/// The bars of several jobs, one below the other.
#[derive(Debug)]
pub(crate) enum ProgressBars {
    /// In a terminal; the number is the width of the names.
    Bars(MultiProgress, usize),
    /// A line at each quarter, each change of status and of what a job waits for.
    Lines,
    /// Nothing at all.
    Silent,
}

/// The progress of one job.
#[derive(Debug)]
pub(crate) enum Progress {
    Bar(ProgressBar),
    Lines {
        name: String,
        last: Option<(Status, u32, Option<String>)>,
        last_note: Option<&'static str>,
    },
    Silent,
}

impl ProgressBars {
    /// Bars if standard error is a terminal, lines otherwise.
    pub(crate) fn new(name_width: usize) -> Self {
        if std::io::stderr().is_terminal() {
            Self::Bars(MultiProgress::new(), name_width)
        } else {
            Self::Lines
        }
    }

    /// One more job.
    pub(crate) fn add(&self, name: String) -> Progress {
        match self {
            Self::Bars(bars, width) => Progress::Bar(bars.add(bar(name, *width))),
            Self::Lines => Progress::Lines {
                name,
                last: None,
                last_note: None,
            },
            Self::Silent => Progress::Silent,
        }
    }

    /// Ends the last bar's line.
    pub(crate) fn close(self) {
        if let Self::Bars(..) = self {
            eprintln!();
        }
    }
}

fn bar(name: String, width: usize) -> ProgressBar {
    let template =
        format!("  {{prefix:{width}}}  {{bar:30.cyan/dim}} {{pos:>5}}/{{len:<5}} {{wide_msg}}");
    let style = ProgressStyle::with_template(&template)
        .expect("the template is a constant but for a number")
        .progress_chars("━╸─");
    ProgressBar::new(0).with_style(style).with_prefix(name)
}

impl Observer for Progress {
    type Followed = Job;

    fn show(&mut self, job: &Job) -> bool {
        self.draw(job);
        job.status.is_terminal()
    }

    fn service_is_away(&mut self) {
        self.note("the service is away; the job is safe, waiting for it to come back");
    }
}

impl Progress {
    /// Shows where the job is now.
    fn draw(&mut self, job: &Job) {
        let (done, total) = (job.progress.episodes_done, job.progress.episodes_total);
        match self {
            Self::Bar(bar) => {
                bar.set_length(total.into());
                bar.set_position(done.into());
                match job.status {
                    Status::Queued => bar.set_message(job.explanation.clone()),
                    Status::Running => bar.set_message(""),
                    // Unlike finishing it, that leaves the bar of a failed job where it was.
                    Status::Completed | Status::Failed | Status::Cancelled => {
                        bar.abandon_with_message(outcome(job));
                    }
                }
            }
            Self::Lines {
                name,
                last,
                last_note,
            } => {
                let now = (
                    job.status,
                    done.saturating_mul(4).checked_div(total).unwrap_or(0),
                    job.waiting.as_ref().map(|waiting| waiting.code.clone()),
                );
                if last.as_ref() == Some(&now) {
                    return;
                }
                (*last, *last_note) = (Some(now), None);
                let state = match job.status {
                    Status::Queued => format!("queued: {}", job.explanation),
                    Status::Running => job.status.to_string(),
                    Status::Completed | Status::Failed | Status::Cancelled => outcome(job),
                };
                eprintln!("  {name}: {done} of {total} episodes, {state}");
            }
            Self::Silent => {}
        }
    }

    /// Says something that is no progress.
    fn note(&mut self, text: &'static str) {
        match self {
            Self::Bar(bar) => bar.set_message(text),
            Self::Lines {
                name, last_note, ..
            } if *last_note != Some(text) => {
                *last_note = Some(text);
                eprintln!("  {name}: {text}");
            }
            Self::Lines { .. } | Self::Silent => {}
        }
    }
}

/// How the job ended, and after how long.
fn outcome(job: &Job) -> String {
    let time = job
        .started_at
        .zip(job.finished_at)
        .map(|(start, end)| end - start);
    let seconds = time
        .and_then(|time| time.to_std().ok())
        .map(|time| time.as_secs_f64());
    match seconds {
        Some(seconds) => format!("{} in {seconds:.2} s", job.status),
        None => job.status.to_string(),
    }
}
