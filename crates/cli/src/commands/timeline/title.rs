//! What a picture is called, and the figures that stand first.

use tidegate_analysis::explain::{Cause, Explanation};
use tidegate_model::profile::Source;

use crate::units;

/// How a finding is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Good,
    /// It could be put right.
    Bad,
    /// It is as it is.
    Plain,
}

impl Mood {
    pub(super) fn of(cause: Cause) -> Self {
        match cause {
            Cause::Healthy => Self::Good,
            Cause::ServerBound | Cause::ProviderBound | Cause::CpuBound => Self::Plain,
            _ => Self::Bad,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Title {
    pub(super) name: String,
    /// Figure and what it counts.
    pub(super) facts: Vec<(String, &'static str)>,
    pub(super) pills: Vec<(&'static str, Mood)>,
    /// All of it in sentences, for whoever does not see the picture.
    pub(super) description: String,
}

impl Title {
    pub(super) fn of(explanation: &Explanation) -> Self {
        let uploads = &explanation.shape.uploads;
        let mut facts = vec![
            (units::duration(explanation.wall_us), "wall"),
            (uploads.requests.to_string(), plural(uploads.requests, "request", "requests")),
            (explanation.shape.rows.to_string(), plural(explanation.shape.rows, "row", "rows")),
            (
                uploads.overlapping_pairs.to_string(),
                plural(uploads.overlapping_pairs, "overlapping pair", "overlapping pairs"),
            ),
            (uploads.peak_in_flight.to_string(), "in flight at most"),
        ];
        if let Some(cpu) = &explanation.cpu {
            facts.push((units::share(cpu.idle_ratio), "CPU idle"));
        }
        if !explanation.is_complete {
            facts.push(("not closed".to_owned(), "yet"));
        }
        let findings = &explanation.diagnosis;
        let pills = findings.iter().map(|found| (found.cause.id(), Mood::of(found.cause)));
        let said: Vec<String> =
            facts.iter().map(|(figure, what)| format!("{figure} {what}")).collect();
        let advice = findings.iter().map(|found| format!(" {}", found.advice));
        let description = format!("{}.{}", said.join(", "), advice.collect::<String>());
        Self { name: name(explanation), facts, pills: pills.collect(), description }
    }
}

/// The run and how its rows were sent.
pub(super) fn name(explanation: &Explanation) -> String {
    let run = Some(explanation.name.as_str()).filter(|name| !name.is_empty());
    let seen_by = (explanation.source == Source::Server).then_some("as the server saw it");
    let parts = [run, explanation.strategy.as_deref(), seen_by].into_iter().flatten();
    let name = parts.collect::<Vec<_>>().join(" · ");
    if name.is_empty() { "a run".to_owned() } else { name }
}

fn plural<N: TryInto<u64>>(count: N, one: &'static str, many: &'static str) -> &'static str {
    if count.try_into().ok() == Some(1) { one } else { many }
}
