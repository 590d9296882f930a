//! One score compared with that of the base, case by case.

use serde::Serialize;

use super::moments::Moments;
use super::{Direction, Interval, Observations, Options, Scale, Verdict};
use super::{interval, mcnemar_mid_p, sign_flip};
use crate::comparison::{differs, mean};

/// Where a p-value comes from.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Test {
    /// [`mcnemar_mid_p`](super::mcnemar_mid_p).
    McnemarMidP,
    /// [`sign_flip`](super::sign_flip) over all patterns.
    SignFlipExact,
    /// [`sign_flip`](super::sign_flip) over patterns drawn at random.
    SignFlipSampled,
}

/// A score or metric of an experiment against that of its base, on the cases of both.
///
/// Serializes as an object of its fields; what is not there is null. All figures but the
/// `*_only_cases` are of the matched cases alone, so `difference` may deviate from `diff` of
/// [`compare`](crate::comparison::compare), which takes all cases of either side.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PairedComparison {
    /// Mean of the current experiment; `None` if no case matches.
    pub current_mean: Option<f64>,
    /// Mean of the base; `None` if no case matches.
    pub base_mean: Option<f64>,
    /// The mean of current minus base over cases, in the unit of the score or metric; above 0 is
    /// better only if `direction` says so. `None` if no case matches.
    pub difference: Option<f64>,
    /// The standard error of `difference`; `None` for fewer than two matched cases.
    pub standard_error: Option<f64>,
    /// The standard deviation of the differences of cases, which planning needs.
    pub difference_sd: Option<f64>,
    /// The interval of `difference`, at the level of the options, for this score alone. `None` for
    /// fewer than two matched cases, and for a metric that differs equally on all.
    pub interval: Option<Interval>,
    /// Two-sided: how likely a difference this large is between runs of one and the same program.
    /// `None` for fewer than two matched cases.
    pub p_value: Option<f64>,
    /// `p_value` corrected by [`holm`](super::holm) over all scores (or all metrics) compared at once.
    pub p_value_adjusted: Option<f64>,
    /// Where `p_value` comes from.
    pub test: Option<Test>,
    /// Cases with a value on both sides.
    pub matched_cases: usize,
    /// Cases with a value on the current side only.
    pub current_only_cases: usize,
    /// Cases with a value on the base's side only.
    pub base_only_cases: usize,
    /// Matched cases whose mean got better.
    pub improved_cases: usize,
    /// Matched cases whose mean got worse.
    pub regressed_cases: usize,
    /// Matched cases whose mean stayed the same, but for rounding.
    pub tied_cases: usize,
    /// Which way is better.
    pub direction: Direction,
    /// What it comes to.
    pub verdict: Verdict,
}

impl PairedComparison {
    /// Whether every matched case, of which there is at least one, came out as before.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.matched_cases > 0 && self.improved_cases == 0 && self.regressed_cases == 0
    }

    /// Compares one score or metric; for several at once use
    /// [`compare_scores`](super::compare_scores), which corrects for their number.
    ///
    /// Cases match by key, and each matched case counts with the difference of its two means:
    /// - yes/no scores have the interval [`bonett_price`](interval::bonett_price); with one
    ///   trial on each side the p-value is [`mcnemar_mid_p`](super::mcnemar_mid_p),
    /// - everything else has the paired t interval, [`student`](interval::student), or
    ///   [`constant`](interval::constant) for a score that differs equally on all cases,
    /// - and the p-value [`sign_flip`](super::sign_flip).
    ///
    /// ```
    /// use tidegate_analysis::statistics::{
    ///     Direction, Observations, Options, PairedComparison, Verdict,
    /// };
    /// let current = Observations::of_score([("a", 1.0), ("b", 1.0), ("c", 0.0)]);
    /// let base = Observations::of_score([("a", 1.0), ("b", 0.0), ("d", 0.0)]);
    /// let options = Options::default();
    /// let all = PairedComparison::of(&current, &base, Direction::HigherIsBetter, &options);
    /// assert_eq!((all.matched_cases, all.current_only_cases, all.improved_cases), (2, 1, 1));
    /// assert_eq!((all.difference, all.verdict), (Some(0.5), Verdict::Undecided));
    /// ```
    #[must_use]
    pub fn of(
        current: &Observations<'_>,
        base: &Observations<'_>,
        direction: Direction,
        options: &Options,
    ) -> Self {
        let pairs = Pairs::of(current, base);
        let count = |wanted: fn(f64) -> bool| {
            pairs.differences.iter().filter(|d| wanted(direction.gain(**d))).count()
        };
        let improved_cases = count(|gain| gain > 0.0);
        let regressed_cases = count(|gain| gain < 0.0);
        let matched_cases = pairs.differences.len();
        // Differences of finite values may overflow: then there is nothing to say about them.
        let moments = Moments::of(&pairs.differences);
        let test = moments.and_then(|_| pairs.test(options));
        let finite_mean = |values: &[f64]| {
            let is_there = !values.is_empty();
            is_there.then(|| mean(&mut values.to_vec())).filter(|mean| mean.is_finite())
        };
        let mut comparison = Self {
            current_mean: finite_mean(&pairs.current),
            base_mean: finite_mean(&pairs.base),
            difference: finite_mean(&pairs.differences),
            standard_error: moments.map(|moments| moments.standard_error()),
            difference_sd: moments.map(|moments| moments.sd),
            interval: moments.and_then(|moments| pairs.interval(&moments, options)),
            p_value: test.map(|(p_value, _)| p_value),
            p_value_adjusted: None,
            test: test.map(|(_, test)| test),
            matched_cases,
            current_only_cases: current.cases().len() - matched_cases,
            base_only_cases: base.cases().len() - matched_cases,
            improved_cases,
            regressed_cases,
            tied_cases: matched_cases - improved_cases - regressed_cases,
            direction,
            verdict: Verdict::Undecided,
        };
        comparison.settle(comparison.p_value, options);
        comparison
    }

    /// Takes the corrected p-value and draws the verdict from it.
    pub(super) fn settle(&mut self, p_value_adjusted: Option<f64>, options: &Options) {
        self.p_value_adjusted = p_value_adjusted;
        // Metrics come in units of their own, so that one margin for all of them means nothing.
        let margin = match self.direction {
            Direction::HigherIsBetter => options.same_within,
            Direction::LowerIsBetter => None,
        };
        let is_same = margin.zip(self.interval).is_some_and(|(margin, interval)| {
            interval.lower >= -margin.value() && interval.upper <= margin.value()
        });
        self.verdict = match self.gain_for_sure(options.level.alpha()) {
            _ if is_same => Verdict::Same,
            Some(true) => Verdict::Better,
            Some(false) => Verdict::Worse,
            None => Verdict::Undecided,
        };
    }

    /// The ends of the interval, seen so that more is better.
    pub(super) fn gain_interval(&self) -> Option<(f64, f64)> {
        let interval = self.interval?;
        let ends = [interval.lower, interval.upper].map(|end| self.direction.gain(end));
        Some((ends[0].min(ends[1]), ends[0].max(ends[1])))
    }

    /// Whether there is a difference, and if so whether for the better. Both p-value and interval
    /// must say so: they come from different methods, and a verdict that the interval beside it
    /// contradicts would be believed by nobody.
    pub(super) fn gain_for_sure(&self, alpha: f64) -> Option<bool> {
        let (lower, upper) = self.gain_interval()?;
        if self.p_value_adjusted? > alpha {
            return None;
        }
        if lower > 0.0 {
            Some(true)
        } else if upper < 0.0 {
            Some(false)
        } else {
            None
        }
    }
}

/// The matched cases.
struct Pairs {
    current: Vec<f64>,
    base: Vec<f64>,
    /// Current minus base; exactly 0 where they differ by rounding only.
    differences: Vec<f64>,
    scale: Scale,
    is_single_trial: bool,
}

impl Pairs {
    /// Merges two lists that are sorted by key.
    fn of(current: &Observations<'_>, base: &Observations<'_>) -> Self {
        let mut pairs = Self {
            current: Vec::new(),
            base: Vec::new(),
            differences: Vec::new(),
            scale: current.scale().max(base.scale()),
            is_single_trial: current.is_single_trial() && base.is_single_trial(),
        };
        let mut rest = base.cases().iter().peekable();
        for now in current.cases() {
            while rest.next_if(|before| before.key < now.key).is_some() {}
            let Some(before) = rest.next_if(|before| before.key == now.key) else { continue };
            pairs.current.push(now.mean);
            pairs.base.push(before.mean);
            let difference = now.mean - before.mean;
            pairs.differences.push(if differs(now.mean, before.mean) { difference } else { 0.0 });
        }
        pairs
    }

    fn test(&self, options: &Options) -> Option<(f64, Test)> {
        if self.scale == Scale::Binary && self.is_single_trial {
            let rose = self.differences.iter().filter(|d| **d > 0.0).count();
            let fell = self.differences.iter().filter(|d| **d < 0.0).count();
            return Some((mcnemar_mid_p(rose as u64, fell as u64), Test::McnemarMidP));
        }
        let test = sign_flip(&self.differences, options.flips, options.seed)?;
        let kind = if test.is_exact { Test::SignFlipExact } else { Test::SignFlipSampled };
        Some((test.p_value, kind))
    }

    fn interval(&self, moments: &Moments, options: &Options) -> Option<Interval> {
        match self.scale {
            Scale::Binary => interval::bonett_price(&self.differences, options.level),
            Scale::Unit if moments.sd == 0.0 => {
                interval::constant(moments.mean, moments.count, -1.0..=1.0, options.level)
            }
            Scale::Unit => {
                Some(interval::student(&self.differences, options.level)?.within(-1.0..=1.0))
            }
            Scale::Real => interval::student(&self.differences, options.level),
        }
    }
}
