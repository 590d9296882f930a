//! The file for speedscope: threads, and below them the lanes and slots of the run.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tidegate_analysis::export::speedscope;

use super::sampled::{self, Clock};
use super::script::Samples;
use crate::commands::timeline::source;

const SCHEMA: &str = "https://www.speedscope.app/file-format-schema.json";

/// What was recorded, and when on the monotonic clock.
pub(super) struct Recorded {
    pub(super) samples: Samples,
    pub(super) began_ns: u64,
    pub(super) ended_ns: u64,
    /// How far wall time is ahead of it.
    pub(super) wall_ahead_ns: i128,
}

/// The run of the command, as [`speedscope::write`] writes it.
pub(super) struct Run {
    zero_ns: u64,
    file: Evented,
}

/// What of such a file is looked at: events stay as they are.
#[derive(Debug, Deserialize)]
struct Evented {
    shared: Shared,
    profiles: Vec<Lane>,
}

#[derive(Debug, Deserialize)]
struct Shared {
    frames: Vec<Box<RawValue>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lane {
    r#type: String,
    name: String,
    unit: String,
    start_value: f64,
    end_value: f64,
    events: Box<RawValue>,
}

impl Recorded {
    /// Reads the profile that the command has written.
    ///
    /// # Errors
    /// There is none, or it is of another run.
    pub(super) fn run(&self, path: &Path) -> anyhow::Result<Run> {
        let profile = source::read(path).map_err(|failure| failure.error)?;
        let started_ns = i128::from(profile.header.started_unix_us) * 1_000;
        let zero_ns = u64::try_from(started_ns - self.wall_ahead_ns).ok();
        let zero_ns = zero_ns.filter(|zero| (self.began_ns..=self.ended_ns).contains(zero));
        let zero_ns = zero_ns.with_context(|| format!("{} is of another run", path.display()))?;
        let mut file = Vec::new();
        speedscope::write(&profile, &mut file)?;
        let mut file: Evented = serde_json::from_slice(&file)?;
        file.profiles.retain(|lane| lane.r#type == "evented");
        Ok(Run { zero_ns, file })
    }

    /// Writes threads, those with the most time first, and then lanes and slots.
    pub(super) fn write(&self, run: Option<&Run>, out: &mut dyn Write) -> io::Result<()> {
        let zero_ns = run.map_or(self.began_ns, |run| run.zero_ns);
        let lanes = run.map_or(&[][..], |run| &run.file.profiles);
        let lanes_end = lanes.iter().map(|lane| lane.end_value).fold(0.0, f64::max);
        let least_ns = self.ended_ns.saturating_sub(zero_ns).max((lanes_end * 1e3) as u64);
        let clock = Clock::of(&self.samples, zero_ns, least_ns);

        write!(out, "{{\"$schema\":\"{SCHEMA}\",\"exporter\":\"tidegate profile\",")?;
        out.write_all(b"\"shared\":{\"frames\":[")?;
        let frames = run.map_or(&[][..], |run| &run.file.shared.frames);
        let mut comma = "";
        for frame in frames {
            write!(out, "{comma}{}", frame.get())?;
            comma = ",";
        }
        for name in &self.samples.names {
            write!(out, "{comma}{{\"name\":{}}}", serde_json::to_string(name)?)?;
            comma = ",";
        }
        out.write_all(b"]},\"profiles\":[")?;
        let mut threads: Vec<_> = self.samples.threads.iter().collect();
        threads.sort_by_key(|thread| std::cmp::Reverse(thread.total_ns()));
        comma = "";
        for thread in threads {
            out.write_all(comma.as_bytes())?;
            sampled::write(thread, clock, frames.len(), out)?;
            comma = ",";
        }
        for lane in lanes {
            // Open at the same end of the axis as the threads; events keep their times.
            let lane = Lane {
                r#type: lane.r#type.clone(),
                name: lane.name.clone(),
                unit: lane.unit.clone(),
                start_value: sampled::us(clock.from_ns),
                end_value: sampled::us(clock.to_ns),
                events: lane.events.clone(),
            };
            out.write_all(comma.as_bytes())?;
            serde_json::to_writer(&mut *out, &lane)?;
            comma = ",";
        }
        out.write_all(b"]}\n")
    }
}
