//! How sure a score is: estimates with intervals, paired comparisons, gates and planning.
//!
//! Everything here is a pure function: the same trials, [`Options`] and seed give the same figures
//! on every machine, whatever the order of the trials. `docs/statistics.md` says in plain words
//! what each figure means and where its limits are.
//!
//! - [`summarize`] and [`summarize_metrics`]: one [`Estimate`] per name.
//! - [`compare_scores`] and [`compare_metrics`]: one [`PairedComparison`] per name, with a verdict
//!   that is corrected over all names.
//! - [`Threshold`] and [`no_regression`]: gates that pass, fail, or stay undecided.
//! - [`Plan`]: what a number of cases can show, and how many an effect needs.
//!
//! ```
//! use tidegate_analysis::comparison::Trial;
//! use tidegate_analysis::statistics::{Options, Verdict, compare_scores};
//! let trial = |case: usize, exact: bool| Trial {
//!     case_key: case.to_string(),
//!     scores: [("exact", f64::from(u8::from(exact)))].into(),
//!     ..Trial::default()
//! };
//! let base: Vec<_> = (0..100).map(|case| trial(case, case % 2 == 0)).collect();
//! let current: Vec<_> = (0..100).map(|case| trial(case, case % 5 != 0)).collect();
//! let exact = &compare_scores(&current, &base, &Options::default())["exact"];
//! assert_eq!((exact.improved_cases, exact.regressed_cases), (40, 10));
//! assert_eq!(exact.verdict, Verdict::Better);
//! ```

mod by_name;
mod distribution;
mod estimate;
mod gate;
mod holm;
pub mod interval;
mod mcnemar;
mod moments;
mod observations;
mod options;
mod paired;
mod plan;
mod rng;
mod sign_flip;
#[cfg(test)]
mod tests;
mod verdict;

pub use by_name::{compare_metrics, compare_scores, summarize, summarize_metrics};
pub use estimate::Estimate;
pub use gate::{GateOutcome, Threshold, no_regression};
pub use holm::holm;
pub use interval::{Interval, Method};
pub use mcnemar::mcnemar_mid_p;
pub use observations::{Case, Observations, Scale};
pub use options::{InvalidOption, Level, Margin, Options};
pub use paired::{PairedComparison, Test};
pub use plan::{Basis, Plan, Target, cases_needed, minimum_detectable_effect};
pub use rng::SplitMix64;
pub use sign_flip::{SignFlip, sign_flip};
pub use verdict::{Direction, Verdict};
