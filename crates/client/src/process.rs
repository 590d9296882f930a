//! What the operating system says about a process. Linux only; unknown elsewhere.

use std::fs;
use std::time::Duration;

/// Length of a clock tick in `/proc/<pid>/stat`: a hundredth of a second on every Linux that Rust
/// runs on.
const TICK: Duration = Duration::from_millis(10);

/// Processor time of a process since its start, all its threads together, without its children. Of
/// other processes, and for the parts of the sum, the system counts in steps of 10 ms.
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
        Some(Self::of(std::process::id())?.with_total(own_total()))
    }

    /// The same proportion of user mode and kernel, in a sum that is known better.
    fn with_total(self, total: Duration) -> Self {
        let user = match self.total() {
            Duration::ZERO => total,
            counted => total.mul_f64(self.user.as_secs_f64() / counted.as_secs_f64()).min(total),
        };
        Self { user, system: total - user }
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

/// To the nanosecond, where `/proc` has hundredths of a second: the whole of a short run.
#[cfg(unix)]
fn own_total() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(not(unix))]
fn own_total() -> Duration {
    Duration::ZERO
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
    fn a_sum_that_is_known_better_keeps_the_proportion() {
        let ms = Duration::from_millis;
        let coarse = CpuTime { user: ms(30), system: ms(10) };
        assert_eq!(coarse.with_total(ms(44)), CpuTime { user: ms(33), system: ms(11) });
        let none = CpuTime::default().with_total(ms(4));
        assert_eq!(none, CpuTime { user: ms(4), system: ms(0) });
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
