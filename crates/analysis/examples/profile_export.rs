//! What it costs to read and export a large profile: time, and memory at its peak.
//!
//! ```sh
//! cargo build --release -p tidegate-analysis --example profile_export
//! RUN=target/release/examples/profile_export
//! $RUN generate /tmp/million.jsonl 1000000
//! $RUN speedscope /tmp/million.jsonl /tmp/million.speedscope.json
//! $RUN perfetto /tmp/million.jsonl /tmp/million.trace.json
//! $RUN explain /tmp/million.jsonl /tmp/million.explanation.json
//! ```
//! `generate` writes cases with their spans, waits, requests and samples, so many lines in all;
//! with `requests` after the number, requests alone, which take most memory: no two have the
//! same name. Each of the others is a process of its own, so that its peak is its own.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::process::ExitCode;
use std::time::Instant;

use tidegate_analysis::explain::explain;
use tidegate_analysis::export::{perfetto, speedscope};
use tidegate_analysis::profile::Profile;
use tidegate_model::profile::{
    Cause, End, FORMAT, Header, Line, Queue, Request, Source, Span, VERSION, Wait,
};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<ExitCode, Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut out = io::stdout().lock();
    match arguments[..] {
        ["generate", path, lines] => generate(path, lines.parse()?, false)?,
        ["generate", path, lines, "requests"] => generate(path, lines.parse()?, true)?,
        [what @ ("speedscope" | "perfetto" | "explain"), from, to] => {
            let started = now();
            let profile = Profile::read(BufReader::with_capacity(1 << 16, File::open(from)?))?;
            let read = started.elapsed();
            let file = File::create(to)?;
            match what {
                "speedscope" => speedscope::write(&profile, file)?,
                "perfetto" => perfetto::write(&profile, file)?,
                _ => serde_json::to_writer(BufWriter::new(file), &explain(&profile))?,
            }
            let all = started.elapsed().as_secs_f64();
            let read = read.as_secs_f64();
            let peak = peak_mib().map_or_else(|| "unknown".to_owned(), |mib| format!("{mib} MiB"));
            writeln!(out, "{what}: {all:.2} s, of which {read:.2} s reading; peak memory {peak}")?;
        }
        _ => {
            writeln!(out, "usage: profile_export generate FILE LINES [requests]")?;
            writeln!(out, "       profile_export speedscope|perfetto|explain PROFILE OUT")?;
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::disallowed_methods, reason = "this measures; the library reads no clock")]
fn now() -> Instant {
    Instant::now()
}

/// The highest resident size of this process so far.
fn peak_mib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib.div_ceil(1024))
}

/// Cases of 5 ms on 64 slots, and 16 lanes that carry their rows.
fn generate(path: &str, lines: u64, requests_only: bool) -> Result<(), Failure> {
    let mut out = BufWriter::new(File::create(path)?);
    let mut write = |line: Line<'_>| -> Result<(), Failure> {
        serde_json::to_writer(&mut out, &line)?;
        Ok(out.write_all(b"\n")?)
    };
    write(Line::Header(Header {
        format: FORMAT.into(),
        version: VERSION,
        name: "million".into(),
        source: Source::Sdk,
        lanes: Some(16),
        max_concurrency: Some(64),
        ..Header::default()
    }))?;
    let mut at = 0;
    for line in 0..lines {
        let case = line / 10;
        let start = case / 64 * 5_000 + case % 64;
        at = start + 4_500;
        write(match line % 10 {
            _ if requests_only => request(line, line / 16 * 400),
            0..6 => span(case, line % 10, start),
            6 => Line::Wait(Wait {
                cause: Cause::Gate,
                trace: Some(case + 1),
                start_us: start + 100,
                end_us: start + 200,
            }),
            7 | 8 => request(case * 2 + line % 10 - 7, case * 2 / 16 * 400),
            _ => Line::Queue(Queue {
                at_us: start,
                pending_bytes: 4_096 * (case % 64),
                in_flight: 8,
            }),
        })?;
    }
    write(Line::End(End { at_us: at + 1_000_000, produced_us: Some(at), left_out: 0, lost: 0 }))?;
    out.flush()?;
    Ok(())
}

/// The spans of a case: root, task, three calls inside of it, and a scorer.
fn span(case: u64, number: u64, start: u64) -> Line<'static> {
    let (kind, from, to) = match number {
        0 => ("eval", 0, 4_500),
        1 => ("task", 50, 4_000),
        5 => ("score", 4_000, 4_400),
        call => ("llm", call * 1_000 - 1_900, call * 1_000 - 1_100),
    };
    let name = if kind == "llm" { format!("call {}", case % 100) } else { kind.to_owned() };
    Line::Span(Span {
        trace: case + 1,
        root: number == 0,
        kind: kind.into(),
        name: name.into(),
        start_us: start + from,
        end_us: start + to,
        records: 3,
        bytes: 1_234,
    })
}

/// Requests of 350 µs, 16 at once.
fn request(number: u64, start: u64) -> Line<'static> {
    let lane = u32::try_from(number % 16).unwrap_or_default();
    Line::Request(Request {
        number: number + 1,
        lane,
        attempt: 0,
        rows: 50 + lane,
        bytes: 84_200,
        sent_bytes: 9_000,
        queued_us: start.saturating_sub(300),
        start_us: start + 10,
        first_byte_us: Some(start + 340),
        end_us: start + 360,
        status: Some(200),
    })
}
