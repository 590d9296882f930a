//! Samples as profiles of speedscope, a thread each.
//!
//! Speedscope shows all profiles of a file from their `startValue` on. They all have the same one,
//! and between samples a thread has an empty stack, so that the same place on the axis is the same
//! moment in each of them, the evented profiles of the run included.

use std::io::{self, Write};

use serde_json::json;

use super::script::{Samples, Thread};

/// Where the samples lie on the clock of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// The file's zero, in nanoseconds of the monotonic clock.
    pub(super) zero_ns: u64,
    /// Left and right end of all profiles, in nanoseconds since the zero; the left one is not
    /// after it.
    pub(super) from_ns: i128,
    pub(super) to_ns: i128,
}

impl Clock {
    /// Begins with the zero or the first sample, and ends with the last one, or at `least_ns`.
    pub(super) fn of(samples: &Samples, zero_ns: u64, least_ns: u64) -> Self {
        let all = || samples.threads.iter().flat_map(|thread| &thread.samples);
        let since = |at_ns: u64| i128::from(at_ns) - i128::from(zero_ns);
        let first = all().map(|sample| since(sample.at_ns) - i128::from(sample.period_ns)).min();
        let last = all().map(|sample| since(sample.at_ns)).max();
        let from_ns = first.unwrap_or(0).min(0);
        Self { zero_ns, from_ns, to_ns: last.unwrap_or(0).max(least_ns.into()) }
    }
}

/// Microseconds of a number of nanoseconds.
pub(super) fn us(ns: i128) -> f64 {
    ns as f64 / 1e3
}

/// Writes the profile of a thread; its functions are those of [`Samples::names`], after `offset`
/// others.
pub(super) fn write(
    thread: &Thread,
    clock: Clock,
    offset: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (mut stacks, mut weights) = (Vec::new(), Vec::new());
    let mut at = clock.from_ns;
    for sample in &thread.samples {
        let end = (i128::from(sample.at_ns) - i128::from(clock.zero_ns)).max(at);
        // A sample stands for the time before it, as far as no other one does.
        let start = (end - i128::from(sample.period_ns)).max(at);
        if start > at {
            stacks.push(Vec::new());
            weights.push(us(start - at));
        }
        let stack = thread.stack(sample).iter().map(|function| *function as usize + offset);
        stacks.push(stack.collect());
        weights.push(us(end - start));
        at = end;
    }
    if clock.to_ns > at {
        stacks.push(Vec::new());
        weights.push(us(clock.to_ns - at));
    }
    let name = format!("{} {} (CPU)", thread.name, thread.id);
    let profile = json!({
        "type": "sampled",
        "name": name,
        "unit": "microseconds",
        "startValue": us(clock.from_ns),
        "endValue": us(clock.to_ns),
        "samples": stacks,
        "weights": weights,
    });
    serde_json::to_writer(out, &profile)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sample_stands_at_its_moment() {
        let script = "a 1/1 10.000003: 2000\n\t 1 f (x)\n\na 1/1 10.000004: 2000\n\t 1 g (x)\n\n\
                      b 1/2 9.999999: 500\n\t 1 f (x)\n";
        let samples = Samples::read(script.as_bytes()).expect("a string");
        let clock = Clock::of(&samples, 10_000_000_000, 9_000);
        assert_eq!((clock.from_ns, clock.to_ns), (-1_500, 9_000));
        let mut out = Vec::new();
        write(&samples.threads[0], clock, 7, &mut out).expect("a vector");
        let found: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
        // From -1.5 to 1 nothing, f to 3, g for what is left until 4, nothing until 9.
        assert_eq!(found["samples"], json!([[], [7], [8], []]));
        assert_eq!(found["weights"], json!([2.5, 2.0, 1.0, 5.0]));
        assert_eq!(found["startValue"], -1.5);
        assert_eq!(found["endValue"], 9.0);
    }
}
