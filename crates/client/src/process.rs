//! What the operating system says about a process. Linux only; unknown elsewhere.

use std::fs;
use std::time::Duration;

/// Length of a clock tick in `/proc/<pid>/stat`: a hundredth of a second on every Linux that Rust
/// runs on.
const TICK: Duration = Duration::from_millis(10);

/// Processor time of a process since its start, all its threads together, without its children.
/// The system counts in steps of 10 ms.
///
/// ```
/// use tidegate_client::process::CpuTime;
/// if let Some(before) = CpuTime::of_this_process() {
///     let used = CpuTime::of_this_process().map(|now| now.since(before).total());
///     assert!(used.is_some());
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CpuTime {
    /// In user mode.
    pub user: Duration,
    /// In the kernel.
    pub system: Duration,
}

impl CpuTime {
    /// Of the running process; `None` where the system does not say.
    #[must_use]
    pub fn of_this_process() -> Option<Self> {
        Self::of(std::process::id())
    }

    /// Of a process; `None` also if there is none of that id.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may hold anything, spaces included.
        let fields = stat.rsplit_once(')')?.1;
        // utime and stime are fields 14 and 15 of the line, 12 and 13 after the name.
        let mut times = fields.split_ascii_whitespace().skip(11);
        let mut time = || Some(TICK * times.next()?.parse::<u32>().ok()?);
        Some(Self { user: time()?, system: time()? })
    }

    /// What was used since then.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
        }
    }

    /// In user mode and in the kernel.
    #[must_use]
    pub fn total(self) -> Duration {
        self.user + self.system
    }
}

/// The share of `wall` in which a process has used no processor, in 0..=1: 1 - cpu / wall, and 0 if
/// it has used more than one. `None` if no time has passed.
#[must_use]
pub fn idle_share(cpu: Duration, wall: Duration) -> Option<f64> {
    let wall = Some(wall.as_secs_f64()).filter(|wall| *wall > 0.0)?;
    Some((1.0 - cpu.as_secs_f64() / wall).max(0.0))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::clock;

    #[cfg(target_os = "linux")]
    #[test]
    fn work_is_counted_for_the_process_that_does_it() {
        let before = CpuTime::of_this_process().expect("linux");
        let deadline: Instant = clock::now() + Duration::from_secs(60);
        let used = || CpuTime::of_this_process().expect("linux").since(before).total();
        while used() < 3 * TICK {
            assert!(clock::now() < deadline, "{:?}", used());
        }
        assert_eq!(CpuTime::of(u32::MAX), None);
    }

    #[test]
    fn the_idle_share_is_never_negative() {
        let seconds = Duration::from_secs_f64;
        let cpu = CpuTime { user: seconds(1.5), system: seconds(0.5) }.total();
        assert_eq!(idle_share(cpu, seconds(8.0)), Some(0.75));
        assert_eq!(idle_share(cpu, seconds(1.0)), Some(0.0));
        assert_eq!(idle_share(cpu, Duration::ZERO), None);
    }
}
