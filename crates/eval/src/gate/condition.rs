//! Conditions of gates, and how they are written in files and flags.

use std::fmt;
use std::str::FromStr;

use tidegate_analysis::statistics::{Margin, Threshold};

use super::number;

/// What a gate demands of one score or metric.
///
/// Scores are fractions (0.9), metrics in their unit (`duration` in seconds, `estimated_cost` in
/// dollars). As text, for files and flags:
///
/// | Text | Meaning |
/// |---|---|
/// | `>= 0.9`, `>= 90%` | at least this, decided by the interval |
/// | `<= 2`, `<= 2s`, `<= 800ms`, `<= 500tok`, `<= $0.01` | at most this, decided by the interval |
/// | `mean >= 0.9` | the mean of this run, without regard to chance |
/// | `no regression` | no case changed against the base, or it is better for sure |
/// | `no regression within 0.02` | no case changed, or at most this much worse for sure |
///
/// Blanks do not matter. Units are `%`, `us`, `µs`, `ms`, `s`, `min`, `tok` and `$`.
///
/// ```
/// use tidegate_eval::Condition;
/// use tidegate_eval::statistics::Threshold;
///
/// assert_eq!("<= 800ms".parse(), Ok(Condition::Threshold(Threshold::AtMost(0.8))));
/// assert_eq!("mean >= 90 %".parse(), Ok(Condition::Mean(Threshold::AtLeast(0.9))));
/// let error = "= 0.9".parse::<Condition>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     r#""= 0.9" is no condition: it must begin with `>=`, `<=`, `mean` or `no regression`"#
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Condition {
    /// The whole interval of the mean keeps a limit.
    Threshold(Threshold),
    /// The mean itself keeps a limit, whatever the interval says.
    Mean(Threshold),
    /// No worse than the base by more than a margin.
    NoRegression(Margin),
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Threshold(Threshold::AtLeast(limit)) => write!(f, "at least {}", number(*limit)),
            Self::Threshold(Threshold::AtMost(limit)) => write!(f, "at most {}", number(*limit)),
            Self::Mean(threshold) => write!(f, "mean {}", Self::Threshold(*threshold)),
            Self::NoRegression(margin) if *margin == Margin::ZERO => {
                f.write_str("no worse than the base")
            }
            Self::NoRegression(margin) => {
                write!(f, "at most {} worse than the base", number(margin.value()))
            }
        }
    }
}

/// Why a text is no [`Condition`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no condition: {problem}")]
pub struct ParseConditionError {
    text: String,
    problem: String,
}

impl FromStr for Condition {
    type Err = ParseConditionError;

    fn from_str(text: &str) -> Result<Self, ParseConditionError> {
        parse(text).map_err(|problem| ParseConditionError { text: text.to_owned(), problem })
    }
}

fn parse(text: &str) -> Result<Condition, String> {
    let text = text.trim();
    if let Some(rest) = after_word(text, "mean") {
        return threshold(rest.trim_start()).map(Condition::Mean);
    }
    let rest = after_word(text, "no").and_then(|rest| after_word(rest.trim_start(), "regression"));
    if let Some(rest) = rest.or_else(|| after_word(text, "no_regression")) {
        return no_regression(rest.trim_start()).map(Condition::NoRegression);
    }
    threshold(text).map(Condition::Threshold)
}

/// What follows a word, which must end there.
fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(word)?;
    let ends = rest.chars().next().is_none_or(|next| !next.is_alphanumeric() && next != '_');
    ends.then_some(rest)
}

fn threshold(text: &str) -> Result<Threshold, String> {
    if let Some(rest) = text.strip_prefix(">=") {
        quantity(rest).map(Threshold::AtLeast)
    } else if let Some(rest) = text.strip_prefix("<=") {
        quantity(rest).map(Threshold::AtMost)
    } else if text.starts_with(['<', '>']) {
        Err("write `>=` or `<=`, since a mean is never told from a limit by equality".to_owned())
    } else {
        Err("it must begin with `>=`, `<=`, `mean` or `no regression`".to_owned())
    }
}

fn no_regression(text: &str) -> Result<Margin, String> {
    if text.is_empty() {
        return Ok(Margin::ZERO);
    }
    let Some(rest) = after_word(text, "within") else {
        return Err("after `no regression` only `within` and a margin may follow".to_owned());
    };
    Margin::new(quantity(rest)?).map_err(|error| error.to_string())
}

/// A number with a unit, in the unit that scores and metrics have here.
fn quantity(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let (text, prefix) = match text.strip_prefix('$') {
        Some(rest) => (rest.trim_start(), "$"),
        None => (text, ""),
    };
    // `e` belongs to numbers and begins no unit.
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-' | 'e' | 'E' | '_');
    let end = text.find(|c| !is_number(c)).unwrap_or(text.len());
    let (digits, unit) = (&text[..end], text[end..].trim());
    if digits.is_empty() {
        return Err(match text {
            "" => "a number is missing after the comparison".to_owned(),
            _ => format!("{text:?} is no number"),
        });
    }
    let value: f64 =
        digits.replace('_', "").parse().map_err(|_| format!("{digits:?} is no number"))?;
    let value = match (prefix, unit) {
        (_, "") => value,
        ("$", _) => return Err(format!("it has two units, $ and {unit:?}")),
        (_, "s" | "$" | "tok") => value,
        (_, "%") => value / 100.0,
        (_, "ms") => value / 1e3,
        (_, "us" | "µs" | "μs") => value / 1e6,
        (_, "min") => value * 60.0,
        _ => {
            return Err(format!("{unit:?} is no unit: write %, us, ms, s, min, tok, $ or nothing"));
        }
    };
    if value.is_finite() { Ok(value) } else { Err(format!("{digits} is too large")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Condition {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn conditions_are_read_with_and_without_blanks_and_units() {
        let at_least = |limit| Condition::Threshold(Threshold::AtLeast(limit));
        let at_most = |limit| Condition::Threshold(Threshold::AtMost(limit));
        assert_eq!(parsed(">=0.9"), at_least(0.9));
        assert_eq!(parsed("  >= 90 % "), at_least(0.9));
        assert_eq!(parsed(">= -1e-3"), at_least(-0.001));
        assert_eq!(parsed("<= 2s"), at_most(2.0));
        assert_eq!(parsed("<= 1.5 min"), at_most(90.0));
        assert_eq!(parsed("<= 250us"), at_most(0.000_25));
        assert_eq!(parsed("<= $0.01"), at_most(0.01));
        assert_eq!(parsed("<= 0.01 $"), at_most(0.01));
        assert_eq!(parsed("<= 1_500 tok"), at_most(1500.0));
        assert_eq!(parsed("mean>=1"), Condition::Mean(Threshold::AtLeast(1.0)));
        assert_eq!(parsed("no regression"), Condition::NoRegression(Margin::ZERO));
        let margin = Margin::new(0.02).expect("a margin");
        assert_eq!(parsed("no regression within 2%"), Condition::NoRegression(margin));
        assert_eq!(parsed("no_regression within 0.02"), Condition::NoRegression(margin));
    }

    #[test]
    fn what_is_no_condition_says_why() {
        let problem = |text: &str| text.parse::<Condition>().expect_err(text).problem;
        assert!(problem("").contains("must begin with"));
        assert!(problem("> 0.9").contains("write `>=`"));
        assert!(problem("meaning >= 0.9").contains("must begin with"));
        assert!(problem("mean").contains("must begin with"));
        assert!(problem(">=").contains("a number is missing"));
        assert!(problem(">= high").contains("\"high\" is no number"));
        assert!(problem(">= 1.2.3").contains("\"1.2.3\" is no number"));
        assert!(problem(">= 1 h").contains("\"h\" is no unit"));
        assert!(problem("<= $1 s").contains("two units"));
        assert!(problem(">= 1e999").contains("too large"));
        assert!(problem(">= NaN").contains("no number"));
        assert!(problem("no regression by 3").contains("within"));
        assert!(problem("no regression within -1").contains("0 or more"));
    }
}
