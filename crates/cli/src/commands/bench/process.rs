//! What the operating system says about a process. Linux only; unknown elsewhere.

use std::fs;

use tidegate_client::process::CpuTime;

/// Seconds of CPU that this process has used, user and system.
pub(super) fn cpu_seconds() -> Option<f64> {
    cpu_seconds_of(std::process::id())
}

/// The same of another process.
pub(super) fn cpu_seconds_of(pid: u32) -> Option<f64> {
    Some(CpuTime::of(pid)?.total().as_secs_f64())
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
