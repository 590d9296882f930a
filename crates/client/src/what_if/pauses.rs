//! Stretches of time that are taken out of a recording.

/// Disjoint intervals in order, each with the length of all before it.
#[derive(Debug, Default)]
pub(super) struct Pauses(Vec<(u64, u64, u64)>);

impl Pauses {
    /// The union of intervals that come sorted by their starts.
    pub(super) fn of(sorted: impl Iterator<Item = (u64, u64)>) -> Self {
        let mut union: Vec<(u64, u64, u64)> = Vec::new();
        for (start, end) in sorted {
            match union.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                Some(&mut (from, to, before)) => union.push((start, end, before + (to - from))),
                None => union.push((start, end, 0)),
            }
        }
        Self(union)
    }

    /// How much of the time before a moment was paused.
    pub(super) fn before(&self, moment: u64) -> u64 {
        let after = self.0.partition_point(|(start, ..)| *start < moment);
        let Some((start, end, before)) = after.checked_sub(1).map(|last| self.0[last]) else {
            return 0;
        };
        before + moment.min(end) - start
    }

    /// How much time passed between two moments without the pauses.
    pub(super) fn between(&self, from: u64, to: u64) -> u64 {
        let to = to.max(from);
        (to - from) - (self.before(to) - self.before(from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_pauses_count_once() {
        let pauses = Pauses::of([(10, 20), (15, 30), (15, 18), (50, 60), (60, 61)].into_iter());
        assert_eq!(pauses.before(10), 0);
        assert_eq!(pauses.before(25), 15);
        assert_eq!(pauses.before(40), 20);
        assert_eq!(pauses.before(1_000), 31);
        assert_eq!((pauses.between(0, 100), pauses.between(12, 55)), (69, 20));
        assert_eq!((pauses.between(22, 24), pauses.between(9, 3)), (0, 0));
        assert_eq!(Pauses::default().between(3, 9), 6);
    }
}
