//! What a replay says, and what it rests on.

use std::fmt;

use serde::Serialize;

use super::WhatIf;
use super::latency::Latency;
use super::replay::Replayed;
use super::settings::{Settings, Strategy};
use super::workload::Loop;

/// Sizes of requests beyond the recorded ones by this factor are worth a word.
const FAR: f64 = 1.5;
/// A replay of the recorded run that misses its own time by more is not to be trusted blindly.
const OFF: f64 = 0.1;

/// What a run would have been under some settings. `Display` writes it for a person.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Prediction {
    /// The settings of the replay.
    pub settings: Settings,
    /// From the zero of the profile until the last row was settled, in microseconds.
    pub wall_us: u64,
    /// From the same zero until the last case had ended.
    pub produced_us: u64,
    /// The wall time that was recorded.
    pub recorded_us: u64,
    /// What the replay makes of the recorded settings: by how much it misses
    /// [`Prediction::recorded_us`] is how far it is to be trusted. `None` if the run was sent in a
    /// way that cannot be replayed.
    pub check_us: Option<u64>,
    /// Upload requests.
    pub requests: usize,
    /// Rows in all requests; a span that outlasts its first request is sent twice.
    pub rows_sent: u64,
    /// Pairs of requests that share a stretch of time.
    pub overlapping_pairs: u64,
    /// Most requests at one moment.
    pub peak_in_flight: usize,
    /// Most bytes that were recorded and not settled.
    pub peak_pending_bytes: u64,
    /// For how long producers waited for room, all of them added up.
    pub gate_wait_us: u64,
    /// For how long cases waited for flushes of their own, all of them added up.
    pub flush_wait_us: u64,
    /// What requests took in the recording.
    pub latency: Latency,
    /// What the prediction rests on, in plain words.
    pub assumptions: Vec<String>,
}

impl Prediction {
    pub(super) fn of(
        run: &WhatIf,
        settings: Settings,
        replayed: &Replayed,
        check_us: Option<u64>,
    ) -> Self {
        let recorded_us = run.recording.end.map_or(run.recording.last_us, |end| end.at_us);
        let mut assumptions = latency(&run.latency, replayed);
        assumptions.extend(server(run, replayed));
        assumptions.extend(program(run, &settings));
        assumptions.extend(gaps(run));
        assumptions.extend(check(check_us, recorded_us));
        Self {
            settings,
            wall_us: replayed.wall_us,
            produced_us: replayed.produced_us,
            recorded_us,
            check_us,
            requests: replayed.requests,
            rows_sent: replayed.rows,
            overlapping_pairs: replayed.overlapping_pairs,
            peak_in_flight: replayed.peak_in_flight,
            peak_pending_bytes: replayed.peak_pending_bytes,
            gate_wait_us: replayed.gate_wait_us,
            flush_wait_us: replayed.flush_wait_us,
            latency: run.latency.clone(),
            assumptions,
        }
    }
}

fn latency(latency: &Latency, replayed: &Replayed) -> Vec<String> {
    let Latency { base_us, per_row_us, per_byte_us, spread_us, .. } = latency;
    let mut model = milliseconds(*base_us);
    if *per_row_us > 0.0 {
        model += &format!(" and {} per row", milliseconds(*per_row_us));
    }
    if *per_byte_us > 0.0 {
        model += &format!(" and {} per KiB", milliseconds(*per_byte_us * 1024.0));
    }
    let mut said = vec![format!(
        "a request takes {model}; half of {} recorded ones are within {} of that",
        latency.fitted,
        milliseconds(*spread_us)
    )];
    let (least, most) = latency.rows;
    if latency.is_of_one_size() {
        said.push(format!(
            "all requests had {most} rows, so that the time per row cannot be told: all of it \
             counts as fixed"
        ));
    } else if replayed.largest as f64 > f64::from(most) * FAR {
        said.push(format!(
            "requests of up to {} rows take what the recorded ones, of {least} to {most} rows, \
             lead to expect",
            replayed.largest
        ));
    }
    if latency.outliers > 0 {
        said.push(format!(
            "no request is as slow as {} of the recorded ones, which count nothing",
            latency.outliers
        ));
    }
    if latency.left_out > 0 {
        said.push(format!(
            "no request fails; {} of the recorded ones failed or were repeats, and are left out",
            latency.left_out
        ));
    }
    said
}

fn server(run: &WhatIf, replayed: &Replayed) -> Option<String> {
    let recorded = run.in_flight;
    (replayed.peak_in_flight > recorded).then(|| {
        format!(
            "the server answers {} requests at once as fast as the {recorded} that it was seen \
             with at most",
            replayed.peak_in_flight
        )
    })
}

fn program(run: &WhatIf, settings: &Settings) -> Vec<String> {
    let mut said = vec![match run.workload.kind {
        Loop::Closed { slots } => format!(
            "{slots} cases run at once and take as long as recorded without their waits; the next \
             one starts when one is done"
        ),
        Loop::Open => {
            "work comes when it came in the recording, however fast rows are sent".to_owned()
        }
    }];
    match (run.workload.flushes, settings.flush_every_task) {
        (true, false) => said.push("no case waits for a flush of its own".to_owned()),
        (false, true) => said.push("each case waits for a flush at its end".to_owned()),
        _ => {}
    }
    if settings.strategy == Strategy::Adaptive && run.workload.kind == Loop::Open {
        said.push("who finds the budget full waits, and nothing is dropped".to_owned());
    }
    said
}

/// What the recording does not have.
fn gaps(run: &WhatIf) -> Vec<String> {
    let mut said = Vec::new();
    let rootless = run.workload.rootless;
    if rootless > 0 {
        said.push(format!(
            "{rootless} traces have no root span in the profile and last from their first span to \
             their last"
        ));
    }
    match run.recording.end {
        None => said.push("the profile has no end: what came after it is not known".to_owned()),
        Some(end) if end.left_out > 0 => said.push(format!(
            "{} lines were left out of the profile, and their work with them",
            end.left_out
        )),
        Some(_) => {}
    }
    said
}

fn check(check_us: Option<u64>, recorded_us: u64) -> Option<String> {
    let (check, recorded) = (check_us? as f64, recorded_us as f64);
    let off = (check - recorded).abs() / recorded.max(1.0);
    (off > OFF).then(|| {
        format!(
            "the recorded run itself comes out as {} instead of {}: the prediction may be off as \
             much",
            seconds(check_us.unwrap_or(0)),
            seconds(recorded_us)
        )
    })
}

fn milliseconds(us: f64) -> String {
    match us / 1e3 {
        long if long >= 100.0 => format!("{long:.0} ms"),
        short if short >= 0.1 => format!("{short:.1} ms"),
        tiny => format!("{tiny:.4} ms"),
    }
}

fn seconds(us: u64) -> String {
    format!("{:.3} s", us as f64 / 1e6)
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "strategy={}", self.strategy)?;
        if self.strategy == Strategy::Adaptive {
            let Self { lanes, budget_bytes, max_request_bytes, .. } = self;
            write!(f, ",lanes={lanes},budget={budget_bytes},max-request={max_request_bytes}")?;
        }
        let flush = if self.flush_every_task { "yes" } else { "no" };
        write!(f, ",max-rows={},flush-every-task={flush}", self.max_rows)
    }
}

impl fmt::Display for Prediction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let change = self.wall_us as f64 / self.recorded_us.max(1) as f64 - 1.0;
        writeln!(
            f,
            "what if {}: {} instead of {} ({:+.0} %)",
            self.settings,
            seconds(self.wall_us),
            seconds(self.recorded_us),
            change * 100.0
        )?;
        writeln!(
            f,
            "  {} requests with {} rows, {} overlapping pairs, at most {} at once, at most {} \
             bytes pending",
            self.requests,
            self.rows_sent,
            self.overlapping_pairs,
            self.peak_in_flight,
            self.peak_pending_bytes
        )?;
        writeln!(
            f,
            "  cases done after {}, having waited {} at the gate and {} for flushes, added up",
            seconds(self.produced_us),
            seconds(self.gate_wait_us),
            seconds(self.flush_wait_us)
        )?;
        write!(f, "  assuming that")?;
        self.assumptions.iter().try_for_each(|assumption| write!(f, "\n  - {assumption}"))
    }
}
