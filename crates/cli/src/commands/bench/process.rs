//! What the operating system says about a process. Linux only; unknown elsewhere.

use std::fs;

/// Clock ticks per second in `/proc/self/stat`: fixed at 100 on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

/// Seconds of CPU that this process has used, user and system.
pub(super) fn cpu_seconds() -> Option<f64> {
    cpu_seconds_of(std::process::id())
}

/// The same of another process.
pub(super) fn cpu_seconds_of(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything, spaces included.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |position: usize| fields.get(position)?.parse::<f64>().ok();
    // utime and stime are fields 14 and 15 of the line, 12 and 13 after the name.
    Some((ticks(11)? + ticks(12)?) / TICKS)
}

/// Most memory that this process has ever had resident, in bytes.
pub(super) fn peak_rss_bytes() -> Option<u64> {
    peak_rss_bytes_of(std::process::id())
}

/// The same of another process.
pub(super) fn peak_rss_bytes_of(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}
