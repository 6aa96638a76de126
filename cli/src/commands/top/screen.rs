//! What is known of the service, in lines.

mod sections;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use tars_shared::job::Status;

use super::layout::{Line, Span, inked, text};
use super::model::Part;
use super::view::View;
use crate::client::ago;
use crate::render::Ink;
use crate::render::number::count;

/// The whole screen; what may be long comes last.
pub(super) fn lines(view: &View, now: DateTime<Utc>) -> Vec<Line> {
    let mut lines = vec![heading(view, now)];
    lines.extend(away(view, now));
    lines.extend(health(view));
    lines.extend(troubles(view));
    lines.push(jobs(view));
    lines.push(capacity(view));
    for section in [
        sections::priorities(view),
        sections::pauses(view, now),
        sections::replays(view, now),
        sections::letters(view, now),
        sections::workers(view, now),
    ] {
        if !section.is_empty() {
            lines.push(Line::default());
            lines.extend(section);
        }
    }
    lines
}

fn heading(view: &View, now: DateTime<Utc>) -> Line {
    let version = view.health.as_ref().map(|health| &health.version);
    let version = version.map(|version| format!("  version {version}"));
    Line::new([
        inked(Ink::Strong, format!("tars top  {}", view.server)),
        text(version.unwrap_or_default()),
        inked(Ink::Faint, format!("  {}", now.format("%F %T UTC"))),
    ])
}

/// That nothing is answered, and how old what is shown is.
fn away(view: &View, now: DateTime<Utc>) -> Option<Line> {
    let error = view.away()?;
    let since = match view.answered_at {
        Some(moment) => format!("what is shown was so {}", ago(now, moment)),
        None => "nothing is known of it yet".to_owned(),
    };
    Some(Line::new([inked(
        Ink::Bad,
        format!("the service is away: {error}; asking again, {since}"),
    )]))
}

fn state(state: &str) -> Ink {
    match state {
        "healthy" => Ink::Good,
        "degraded" => Ink::Unsure,
        _ => Ink::Bad,
    }
}

fn health(view: &View) -> Vec<Line> {
    let Some(health) = &view.health else {
        return vec![label("health", [text("not known")])];
    };
    let mut parts = vec![inked(state(&health.status), &health.status)];
    parts.push(text(format!(": {}", health.detail)));
    let mut shown = Vec::new();
    for part in &health.parts {
        shown.extend(of_part(part, !shown.is_empty()));
    }
    vec![label("health", parts), label("parts", shown)]
}

fn of_part(part: &Part, follows: bool) -> [Span; 3] {
    let mut name = part.name.clone();
    for more in [&part.role, &part.host].into_iter().flatten() {
        name = name + " " + more;
    }
    let separator = if follows { "   " } else { "" };
    let detail = match &part.detail {
        Some(detail) => format!(" {detail}"),
        None => format!(" {:.1} ms", part.latency_ms),
    };
    [
        text(format!("{separator}{name} ")),
        inked(state(&part.state), &part.state),
        text(detail),
    ]
}

/// A line that begins with what it is about.
fn label(name: &str, spans: impl IntoIterator<Item = Span>) -> Line {
    let name = [inked(Ink::Faint, format!("{name:<9}"))];
    Line::new(name.into_iter().chain(spans))
}

/// What is not answered, once for each reason.
fn troubles(view: &View) -> Vec<Line> {
    if view.away().is_some() {
        return Vec::new();
    }
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for (source, error) in &view.errors {
        let reason = error.to_string();
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, names)) => names.push(source.name()),
            None => reasons.push((reason, vec![source.name()])),
        }
    }
    let line = |(reason, names): (String, Vec<&str>)| {
        let names = names.join(", ");
        label(
            "no news",
            [inked(Ink::Unsure, format!("of {names}: {reason}"))],
        )
    };
    reasons.into_iter().map(line).collect()
}

fn jobs(view: &View) -> Line {
    let Some(figures) = &view.figures else {
        return label("jobs", [text("not known")]);
    };
    let counts = Status::ALL
        .map(|status| format!("{} {}", count(figures.jobs.count(status)), status))
        .join("   ");
    let rates = view.rates.rate().map(|rate| {
        let failed = if rate.failed > 0.0 {
            format!(" ({:.1}/s failed)", rate.failed)
        } else {
            String::new()
        };
        format!(
            "   {:.1}/s accepted   {:.1}/s finished{failed}",
            rate.accepted, rate.finished
        )
    });
    label(
        "jobs",
        [text(counts), inked(Ink::Strong, rates.unwrap_or_default())],
    )
}

fn capacity(view: &View) -> Line {
    let Some(demand) = &view.demand else {
        return label("capacity", [text("not known")]);
    };
    let ink = if demand.workers_wanted > demand.workers {
        Ink::Unsure
    } else {
        Ink::Good
    };
    label(
        "capacity",
        [
            text(format!(
                "{} workers take jobs, with {} slots   ",
                demand.workers, demand.slots
            )),
            inked(ink, format!("{} wanted", demand.workers_wanted)),
        ],
    )
}
