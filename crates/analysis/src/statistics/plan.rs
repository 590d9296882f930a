//! Planning: what a number of cases can show, and how many cases an effect needs.

use serde::Serialize;

use super::distribution::t_quantile;
use super::{Estimate, InvalidOption, Level, PairedComparison};

/// Beyond this many cases there is no answer.
const MOST_CASES: u64 = 1_000_000_000;

/// What a plan aims at: the level of the test, and the power, which is the chance of seeing an
/// effect that is there. The default is 95 % and 80 % (Cohen 1988).
///
/// ```
/// use tidegate_analysis::statistics::{Level, Target};
/// assert_eq!(Target::default().power_ratio(), 0.8);
/// assert!(Target::new(Level::default(), 80.0).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Target {
    level: Level,
    power_ratio: f64,
}

impl Target {
    /// Takes a level and a power, as a fraction.
    ///
    /// # Errors
    /// [`InvalidOption::Power`] unless the power is above 0 and below 1.
    pub fn new(level: Level, power_ratio: f64) -> Result<Self, InvalidOption> {
        if power_ratio > 0.0 && power_ratio < 1.0 {
            Ok(Self { level, power_ratio })
        } else {
            Err(InvalidOption::Power(power_ratio))
        }
    }

    /// The power, as a fraction.
    #[must_use]
    pub fn power_ratio(self) -> f64 {
        self.power_ratio
    }

    /// How many standard errors an effect must be away from 0.
    fn standard_errors(self, cases: u64) -> f64 {
        let degrees = cases as f64 - 1.0;
        t_quantile(self.level.upper_tail(), degrees) + t_quantile(self.power_ratio, degrees)
    }
}

impl Default for Target {
    fn default() -> Self {
        Self { level: Level::default(), power_ratio: 0.8 }
    }
}

/// The least difference that a two-sided test on `cases` cases sees with the power aimed at, in the
/// unit of `sd`, the standard deviation of the differences of cases.
///
/// `(t(1 - α/2) + t(power)) sd / √n` with t of `n - 1` degrees of freedom: within one case of what
/// the noncentral t gives for the paired t test. `None` for
/// fewer than two cases, and unless `sd` is finite and above 0: no spread in a sample is no
/// knowledge of the spread.
///
/// ```
/// use tidegate_analysis::statistics::{Target, minimum_detectable_effect};
/// let effect = minimum_detectable_effect(0.5, 200, Target::default()).expect("a spread");
/// assert_eq!(format!("{effect:.3}"), "0.100");
/// ```
#[must_use]
pub fn minimum_detectable_effect(sd: f64, cases: u64, target: Target) -> Option<f64> {
    let known = cases >= 2 && sd > 0.0 && sd.is_finite();
    known
        .then(|| target.standard_errors(cases).max(0.0) * sd / (cases as f64).sqrt())
        .filter(|effect| effect.is_finite())
}

/// The least number of cases on which [`minimum_detectable_effect`] is at most `effect`.
///
/// `None` unless `sd` and `effect` are finite and above 0, and beyond a billion cases.
///
/// ```
/// use tidegate_analysis::statistics::{Target, cases_needed};
/// assert_eq!(cases_needed(0.5, 0.1, Target::default()), Some(199));
/// ```
#[must_use]
pub fn cases_needed(sd: f64, effect: f64, target: Target) -> Option<u64> {
    if !(effect > 0.0 && effect.is_finite()) {
        return None;
    }
    let sees = |cases| minimum_detectable_effect(sd, cases, target).map(|least| least <= effect);
    // The effect shrinks with the number of cases, so that halving finds the border.
    let (mut blind, mut enough) = (1, MOST_CASES);
    if !sees(enough)? {
        return None;
    }
    while enough - blind > 1 {
        let middle = u64::midpoint(blind, enough);
        if sees(middle) == Some(true) { enough = middle } else { blind = middle }
    }
    Some(enough)
}

/// What a plan starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The differences of cases from a base, as seen.
    Differences,
    /// The spread of one experiment, for a limit on its mean.
    Score,
    /// The spread of one experiment, for a comparison with another: √2 times it, as if a case of
    /// one side said nothing about that of the other. Pairing does better, so it is a safe guess.
    UnpairedScore,
}

/// What a number of cases can show. Serializes as an object of its fields.
///
/// ```
/// use tidegate_analysis::statistics::{Estimate, Level, Observations, Plan, Target};
/// let scores = Observations::of_score([("a", 1.0), ("b", 0.0), ("c", 1.0), ("d", 0.0)]);
/// let estimate = Estimate::of(&scores, Level::default()).expect("four values");
/// let plan = Plan::of_limit(&estimate, Target::default()).expect("a spread");
/// assert!(plan.minimum_detectable_effect > 0.9);
/// assert_eq!(plan.cases_for(0.05), Some(1049));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Plan {
    /// What it starts from.
    pub basis: Basis,
    /// The standard deviation between cases, in the unit of the score or metric.
    pub sd: f64,
    /// The number of cases there are.
    pub cases: u64,
    /// The least effect that so many cases show with the power aimed at, in the same unit.
    pub minimum_detectable_effect: f64,
    /// Level and power aimed at.
    pub target: Target,
}

impl Plan {
    /// Plans the next comparison with a base from one that was made. `None` without spread.
    #[must_use]
    pub fn of_comparison(comparison: &PairedComparison, target: Target) -> Option<Self> {
        let cases = comparison.matched_cases;
        Self::new(Basis::Differences, comparison.difference_sd?, cases, target)
    }

    /// Plans a comparison with a base from one experiment alone. `None` without spread.
    #[must_use]
    pub fn of_first_run(estimate: &Estimate, target: Target) -> Option<Self> {
        let sd = estimate.case_sd? * std::f64::consts::SQRT_2;
        Self::new(Basis::UnpairedScore, sd, estimate.cases, target)
    }

    /// Plans a limit on a mean: the effect is the distance of the mean from the limit. `None`
    /// without spread.
    #[must_use]
    pub fn of_limit(estimate: &Estimate, target: Target) -> Option<Self> {
        Self::new(Basis::Score, estimate.case_sd?, estimate.cases, target)
    }

    fn new(basis: Basis, sd: f64, cases: usize, target: Target) -> Option<Self> {
        let cases = cases as u64;
        let minimum_detectable_effect = minimum_detectable_effect(sd, cases, target)?;
        Some(Self { basis, sd, cases, minimum_detectable_effect, target })
    }

    /// The number of cases that an effect of this size needs; see [`cases_needed`].
    #[must_use]
    pub fn cases_for(&self, effect: f64) -> Option<u64> {
        cases_needed(self.sd, effect, self.target)
    }
}
