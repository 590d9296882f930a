//! Which cases run: read as the run goes, filtered, cut or sampled.

mod columns;
mod filter;

use serde_json::Value;
use tidegate_eval::{DataError, data};
use tokio::sync::watch;

use super::file::Data;
use crate::args::eval::Choice;
use crate::exit::Failure;

pub(crate) use filter::{Filter, filters};

pub(crate) type Case = tidegate_eval::Case<Value, Value>;
pub(crate) type Cases = Box<dyn Iterator<Item = Result<Case, DataError>> + Send>;

/// The wish to start no further case: the number of interrupts so far.
#[derive(Debug, Clone)]
pub(crate) struct Stop(pub(super) watch::Receiver<u32>);

impl Stop {
    pub(crate) fn is_set(&self) -> bool {
        *self.0.borrow() > 0
    }

    /// # Cancel safety
    /// Dropping it has no effect.
    pub(crate) async fn after(mut self, interrupts: u32) {
        if self.0.wait_for(|count| *count >= interrupts).await.is_err() {
            // Nobody listens any more, so none will come.
            std::future::pending::<()>().await;
        }
    }
}

/// The chosen cases of a source. The first one is read at once, so that a run without any, or with
/// a file that cannot be read, ends before it begins.
///
/// An interrupt does not end them: a run must not take that for the end of its data.
pub(crate) fn chosen(source: &Data, choice: &Choice, filters: &[Filter]) -> Result<Cases, Failure> {
    let cases: Cases = match source.clone() {
        Data::Inline(cases) => Box::new(cases.into_iter().map(Ok)),
        Data::Csv { path, columns, separator, json_cells } => {
            let csv = data::csv(path).separator(separator);
            let csv = if json_cells { csv.json_cells() } else { csv };
            // Named columns say that the file is another's, with columns of its own.
            let csv = if columns.is_default() { csv } else { csv.others_as_metadata() };
            Box::new(columns.named().fold(csv, |csv, (field, column)| csv.rename(column, field)))
        }
        Data::File { path, columns } if columns.is_default() => Box::new(data::jsonl(path)),
        Data::File { path, columns } => Box::new(columns::read(path, columns)),
    };
    let own = filters.to_vec();
    // An error is not filtered out, and ends the run.
    let cases = cases.filter(move |case| {
        case.as_ref().map_or(true, |case| own.iter().all(|filter| filter.matches(case)))
    });
    let mut cases: Cases = match (choice.first, choice.sample) {
        (Some(first), _) => Box::new(cases.take(usize::try_from(first).unwrap_or(usize::MAX))),
        (None, Some(sample)) => {
            Box::new(sampled(cases, sample as usize, choice.seed)?.into_iter().map(Ok))
        }
        (None, None) => Box::new(cases),
    };
    let first = match cases.next() {
        Some(Ok(case)) => case,
        Some(Err(error)) => return Err(unreadable(error)),
        None if !filters.is_empty() => {
            let error = anyhow::anyhow!("no case matches the filters");
            return Err(Failure::usage(error, "--list without --filter shows all cases"));
        }
        None => {
            let error = anyhow::anyhow!("there are no cases");
            return Err(Failure::usage(error, "put at least one case into the data"));
        }
    };
    Ok(Box::new(std::iter::once(Ok(first)).chain(cases)))
}

/// The chosen cases, as far as they are read before an interrupt.
pub(crate) fn until_stopped(
    source: &Data,
    choice: &Choice,
    filters: &[Filter],
    stop: &Stop,
) -> Result<Cases, Failure> {
    let stop = stop.clone();
    let cases = chosen(source, choice, filters)?;
    Ok(Box::new(cases.take_while(move |_| !stop.is_set())))
}

/// Larger files are not read twice.
const MOST_COUNTED_BYTES: u64 = 16 << 20;

/// The same cases, which know their number where it costs next to nothing to find out: progress
/// says how much time is left then.
pub(crate) fn counted(cases: Cases, source: &Data, choice: &Choice, filters: &[Filter]) -> Cases {
    let is_small = match source {
        Data::Inline(_) => true,
        // Not a pipe, which can be read only once.
        Data::File { path, .. } | Data::Csv { path, .. } => std::fs::metadata(path)
            .is_ok_and(|found| found.is_file() && found.len() <= MOST_COUNTED_BYTES),
    };
    let again = is_small.then(|| chosen(source, choice, filters).ok()).flatten();
    match again {
        Some(again) => Box::new(Counted { left: again.count(), cases }),
        None => cases,
    }
}

struct Counted {
    cases: Cases,
    left: usize,
}

impl Iterator for Counted {
    type Item = Result<Case, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.cases.next();
        self.left = next.as_ref().map_or(0, |_| self.left.saturating_sub(1));
        next
    }

    /// What was counted; a file that grows meanwhile has more.
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

pub(crate) fn unreadable(error: DataError) -> Failure {
    Failure::failed(error.into(), "correct the data and run again")
}

/// A uniform sample in the order of the data (algorithm R), which needs all of it once but holds
/// only what it keeps.
fn sampled(
    cases: impl Iterator<Item = Result<Case, DataError>>,
    count: usize,
    seed: u64,
) -> Result<Vec<Case>, Failure> {
    let mut random = SplitMix(seed);
    let mut kept: Vec<(u64, Case)> = Vec::new();
    for (index, case) in (0_u64..).zip(cases) {
        let case = case.map_err(unreadable)?;
        if kept.len() < count {
            kept.push((index, case));
        } else {
            let place = usize::try_from(random.below(index + 1)).unwrap_or(usize::MAX);
            if let Some(kept) = kept.get_mut(place) {
                *kept = (index, case);
            }
        }
    }
    kept.sort_by_key(|(index, _)| *index);
    Ok(kept.into_iter().map(|(_, case)| case).collect())
}

/// SplitMix64: the same numbers for the same seed on every machine and in every version.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `limit`; the bias is below 2⁻³² for any number of cases that fits a disk.
    fn below(&mut self, limit: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(limit);
        u64::try_from(product >> 64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_uniform_and_keep_the_order() {
        let mut counts = [0_u32; 10];
        for seed in 0..2_000 {
            let cases =
                (0..10).map(|n| Ok(tidegate_eval::Case::new(Value::from(n)).maybe_expected(None)));
            let sample: Vec<u64> = sampled(cases, 3, seed)
                .expect("no errors")
                .iter()
                .map(|case| case.input().as_u64().expect("a number"))
                .collect();
            assert!(sample.is_sorted() && sample.len() == 3, "{sample:?}");
            sample.iter().for_each(|n| counts[usize::try_from(*n).expect("small")] += 1);
        }
        // 600 expected with a standard deviation of 20.
        assert!(counts.iter().all(|count| (500..700).contains(count)), "{counts:?}");
    }
}
