//! Processor time over wall time.

use serde::Serialize;

use crate::profile::Profile;

/// What the whole process used, from the profile's zero to the last measurement.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cpu {
    /// Length of that time, in microseconds.
    pub measured_us: u64,
    /// In user mode, in microseconds.
    pub user_us: u64,
    /// In the kernel, in microseconds.
    pub system_us: u64,
    /// Share of the time in which the process used no processor: `1 - (user + system) / time`,
    /// and 0 if it used more than one. The published figures of the upload regression are
    /// defined like this.
    pub idle_ratio: f64,
    /// Processors it kept busy on average: `(user + system) / time`.
    pub cores_used: f64,
    /// Processors that it may use, if the profile says so.
    pub cores: Option<u32>,
}

impl Cpu {
    /// `None` without a measurement after the zero.
    #[must_use]
    pub fn of(profile: &Profile) -> Option<Self> {
        let last = profile.cpu.iter().max_by_key(|cpu| cpu.at_us).filter(|cpu| cpu.at_us > 0)?;
        let used = last.user_us as f64 + last.system_us as f64;
        let cores_used = used / last.at_us as f64;
        Some(Self {
            measured_us: last.at_us,
            user_us: last.user_us,
            system_us: last.system_us,
            idle_ratio: (1.0 - cores_used).max(0.0),
            cores_used,
            cores: profile.header.cpus,
        })
    }
}

#[cfg(test)]
mod tests {
    use tidegate_model::profile::Cpu as Used;

    use super::*;

    #[test]
    fn the_last_measurement_counts() {
        let used = |at_us, user_us, system_us| Used { at_us, user_us, system_us };
        let mut profile = Profile::default();
        assert_eq!(Cpu::of(&profile), None);
        profile.cpu = vec![used(0, 5, 5), used(1_000, 200, 50), used(500, 100, 0)];
        let cpu = Cpu::of(&profile).expect("measured");
        assert_eq!((cpu.idle_ratio, cpu.cores_used, cpu.measured_us), (0.75, 0.25, 1_000));
        profile.cpu.push(used(2_000, u64::MAX, u64::MAX));
        assert_eq!(Cpu::of(&profile).map(|cpu| cpu.idle_ratio), Some(0.0));
    }
}
