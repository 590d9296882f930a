//! Under which settings the recorded work is replayed, and how they are typed.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use tidegate_model::limits;

/// How a change of settings is written, for help texts and hints.
pub const SYNTAX: &str = "lanes=8,budget=10MiB,max-rows=1000,max-request=6MiB,\
flush-every-task=no,strategy=adaptive|serial-chunks|fixed-batches";

const KEYS: [&str; 6] =
    ["strategy", "lanes", "budget", "max-rows", "max-request", "flush-every-task"];
const MOST_LANES: u64 = 1_024;
/// The replay holds what is pending in memory.
pub(super) const MOST_BUDGET_BYTES: u64 = 1 << 30;
/// Rows of one request in the emulated loggers.
const BATCH_ROWS: usize = 100;

/// How rows are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Strategy {
    /// The pipeline of this SDK.
    Adaptive,
    /// Chunks of 25 queued events, one request after another, as Braintrust's JavaScript package
    /// 3.2.0 did. Emulated, to see how well the replay of such a recording meets its own time.
    SerialChunks,
    /// All that is queued at once, in parallel requests of 100 rows, as 0.4.10 and 3.3.0 did.
    /// Emulated as well.
    FixedBatches,
}

impl Strategy {
    const ALL: [Self; 3] = [Self::Adaptive, Self::SerialChunks, Self::FixedBatches];

    /// The name as it is typed, and as headers of profiles carry it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Adaptive => "adaptive",
            Self::SerialChunks => "serial-chunks",
            Self::FixedBatches => "fixed-batches",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|strategy| strategy.name() == name)
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// All settings of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Settings {
    /// How rows are sent.
    pub strategy: Strategy,
    /// Most requests at once; means nothing to emulated strategies.
    pub lanes: usize,
    /// Bytes that may be pending before producers wait; means nothing to emulated strategies,
    /// which have no gate.
    pub budget_bytes: u64,
    /// Most rows of a request.
    pub max_rows: usize,
    /// Limit of a request body; means nothing to emulated strategies.
    pub max_request_bytes: u64,
    /// Whether each case waits for a flush at its end, as a slot becomes free.
    pub flush_every_task: bool,
}

impl Settings {
    /// What a strategy does unless it is told otherwise, without a flush per case.
    #[must_use]
    pub fn of(strategy: Strategy) -> Self {
        Self {
            strategy,
            lanes: limits::DEFAULT_CONCURRENT_REQUESTS,
            budget_bytes: limits::DEFAULT_BACKPRESSURE_BYTES,
            max_rows: match strategy {
                Strategy::Adaptive => limits::MAX_ROWS_PER_REQUEST,
                Strategy::SerialChunks | Strategy::FixedBatches => BATCH_ROWS,
            },
            max_request_bytes: limits::DEFAULT_MAX_REQUEST_BYTES,
            flush_every_task: false,
        }
    }

    /// Applies a change. Another strategy comes with its own defaults, not with what was recorded
    /// of the one before, and without a flush per case unless the change says so.
    ///
    /// # Errors
    /// A setting means nothing to the strategy.
    pub fn with(self, change: &Change) -> Result<Self, ChangeError> {
        let strategy = change.strategy.unwrap_or(self.strategy);
        let base = if strategy == self.strategy { self } else { Self::of(strategy) };
        let gated = [
            ("lanes", change.lanes.is_some()),
            ("budget", change.budget_bytes.is_some()),
            ("max-request", change.max_request_bytes.is_some()),
        ];
        if strategy != Strategy::Adaptive
            && let Some((key, _)) = gated.into_iter().find(|(_, given)| *given)
        {
            return Err(ChangeError::MeansNothing { key, strategy });
        }
        Ok(Self {
            strategy,
            lanes: change.lanes.unwrap_or(base.lanes),
            budget_bytes: change.budget_bytes.unwrap_or(base.budget_bytes),
            max_rows: change.max_rows.unwrap_or(base.max_rows),
            max_request_bytes: change.max_request_bytes.unwrap_or(base.max_request_bytes),
            flush_every_task: change.flush_every_task.unwrap_or(base.flush_every_task),
        })
    }
}

/// Which settings differ from those of the recording; `None` leaves one as it is.
///
/// ```
/// use tidegate_client::what_if::{Change, Strategy};
/// let change: Change = "lanes=16, budget=32MiB, flush-every-task=no".parse()?;
/// assert_eq!((change.lanes, change.budget_bytes), (Some(16), Some(32 << 20)));
/// let error = "lanes=many".parse::<Change>().expect_err("no number");
/// assert_eq!(error.to_string(), "lanes: \"many\" is no whole number from 1 to 1024");
/// # Ok::<(), tidegate_client::what_if::ChangeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Change {
    /// How rows are sent.
    pub strategy: Option<Strategy>,
    /// Most requests at once.
    pub lanes: Option<usize>,
    /// Bytes that may be pending.
    pub budget_bytes: Option<u64>,
    /// Most rows of a request.
    pub max_rows: Option<usize>,
    /// Limit of a request body in bytes.
    pub max_request_bytes: Option<u64>,
    /// Whether each case waits for a flush at its end.
    pub flush_every_task: Option<bool>,
}

/// Why a text is no change of settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// Nothing is changed.
    #[error("no setting is named")]
    Empty,
    /// A part is not `key=value`.
    #[error("{0:?} has no value: write it as key=value")]
    NoValue(String),
    /// There is no such setting.
    #[error("{0}: there is no such setting; there are {all}", all = KEYS.join(", "))]
    Unknown(String),
    /// A setting is named twice.
    #[error("{0}: given twice")]
    Twice(&'static str),
    /// A value is none of its setting.
    #[error("{key}: {value:?} is {wanted}")]
    Bad {
        /// The setting.
        key: &'static str,
        /// What was given.
        value: String,
        /// What it is not.
        wanted: String,
    },
    /// A setting means nothing to the strategy.
    #[error("{key}: means nothing to {strategy}; add strategy=adaptive")]
    MeansNothing {
        /// The setting.
        key: &'static str,
        /// The strategy of the replay.
        strategy: Strategy,
    },
}

impl FromStr for Change {
    type Err = ChangeError;

    /// Reads what [`SYNTAX`] shows: settings by commas, in any order, each at most once.
    fn from_str(text: &str) -> Result<Self, ChangeError> {
        let mut change = Self::default();
        let mut seen = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let Some((key, value)) = part.split_once('=') else {
                return Err(match KEYS.contains(&part) {
                    true => ChangeError::NoValue(part.to_owned()),
                    false => ChangeError::Unknown(part.to_owned()),
                });
            };
            let (key, value) = (key.trim(), value.trim());
            let known = KEYS.into_iter().find(|known| *known == key);
            let key = known.ok_or_else(|| ChangeError::Unknown(key.to_owned()))?;
            if seen.contains(&key) {
                return Err(ChangeError::Twice(key));
            }
            seen.push(key);
            change.set(key, value)?;
        }
        if seen.is_empty() { Err(ChangeError::Empty) } else { Ok(change) }
    }
}

impl Change {
    fn set(&mut self, key: &'static str, value: &str) -> Result<(), ChangeError> {
        let bad = |wanted: String| ChangeError::Bad { key, value: value.to_owned(), wanted };
        let count = |most: u64| {
            let number = value.parse::<u64>().ok().filter(|number| (1..=most).contains(number));
            let number = number.and_then(|number| usize::try_from(number).ok());
            number.ok_or_else(|| bad(format!("no whole number from 1 to {most}")))
        };
        let size = |most: u64| {
            let bytes = bytes(value).filter(|bytes| (1..=most).contains(bytes));
            let most = most >> 20;
            bytes.ok_or_else(|| {
                bad(format!("no size from 1 byte to {most}MiB: write it like 10MiB, 500KB or 4096"))
            })
        };
        match key {
            "strategy" => {
                let strategy = Strategy::named(value);
                let names = Strategy::ALL.map(Strategy::name).join(", ");
                let none = || bad(format!("none of the strategies {names}"));
                self.strategy = Some(strategy.ok_or_else(none)?);
            }
            "lanes" => self.lanes = Some(count(MOST_LANES)?),
            "budget" => self.budget_bytes = Some(size(MOST_BUDGET_BYTES)?),
            "max-rows" => self.max_rows = Some(count(limits::MAX_ROWS_PER_REQUEST as u64)?),
            "max-request" => self.max_request_bytes = Some(size(MOST_BUDGET_BYTES)?),
            _ => {
                self.flush_every_task = Some(match value {
                    "yes" | "true" => true,
                    "no" | "false" => false,
                    _ => return Err(bad("neither yes nor no".to_owned())),
                });
            }
        }
        Ok(())
    }
}

/// Reads `4096`, `500KB`, `1.5MiB`.
fn bytes(text: &str) -> Option<u64> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let number: f64 = text[..split].trim().parse().ok()?;
    let unit = match text[split..].to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "kib" | "k" => 1024.0,
        "mib" | "m" => 1024.0 * 1024.0,
        "gib" | "g" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = number * unit;
    // Beyond 2^53 a float skips numbers; all limits are far below.
    (bytes.is_finite() && (0.0..9e15).contains(&bytes)).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        text.parse::<Change>().expect_err(text).to_string()
    }

    #[test]
    fn every_setting_can_be_typed() {
        let change: Change = "strategy=adaptive,lanes=16,budget=1.5MiB,max-rows=1000,\
                              max-request=500KB,flush-every-task=yes"
            .parse()
            .expect("all settings");
        let all = Settings::of(Strategy::SerialChunks).with(&change).expect("fits");
        assert_eq!(
            all,
            Settings {
                strategy: Strategy::Adaptive,
                lanes: 16,
                budget_bytes: 3 << 19,
                max_rows: 1_000,
                max_request_bytes: 500_000,
                flush_every_task: true,
            }
        );
        assert_eq!(" lanes = 8 ,".parse(), Ok(Change { lanes: Some(8), ..Change::default() }));
        assert!(SYNTAX.replace("|serial-chunks|fixed-batches", "").parse::<Change>().is_ok());
    }

    #[test]
    fn errors_name_the_setting() {
        assert_eq!(fault(""), "no setting is named");
        assert_eq!(fault(" , "), "no setting is named");
        assert_eq!(fault("lanes"), "\"lanes\" has no value: write it as key=value");
        assert!(fault("lane=8").starts_with("lane: there is no such setting; there are strategy,"));
        assert!(fault("lane").starts_with("lane: there is no such setting"));
        assert_eq!(fault("lanes=8,lanes=9"), "lanes: given twice");
        for wrong in ["", "0", "-1", "8.5", "1025", "99999999999999999999", "x"] {
            let expected = format!("lanes: {wrong:?} is no whole number from 1 to 1024");
            assert_eq!(fault(&format!("lanes={wrong}")), expected);
        }
        for wrong in ["", "0", "10MiBs", "MiB", "-1", "nan", "infB", "2GiB", "1e300"] {
            let error = fault(&format!("budget={wrong}"));
            assert!(error.starts_with(&format!("budget: {wrong:?} is no size")), "{error}");
        }
        assert!(fault("max-rows=10001").starts_with("max-rows: \"10001\" is no whole number"));
        assert!(fault("max-request=x").starts_with("max-request: \"x\" is no size"));
        assert!(fault("flush-every-task=maybe").contains("neither yes nor no"));
        assert!(fault("strategy=fast").contains("adaptive, serial-chunks, fixed-batches"));
    }

    #[test]
    fn another_strategy_comes_with_its_own_defaults() {
        let recorded = Settings {
            flush_every_task: true,
            max_rows: 7,
            lanes: 3,
            ..Settings::of(Strategy::SerialChunks)
        };
        let adaptive = Change { strategy: Some(Strategy::Adaptive), ..Change::default() };
        assert_eq!(recorded.with(&adaptive), Ok(Settings::of(Strategy::Adaptive)));
        let same = Change { strategy: Some(Strategy::SerialChunks), ..Change::default() };
        assert_eq!(recorded.with(&same), Ok(recorded));
        let lanes = Change { lanes: Some(8), ..Change::default() };
        let error = recorded.with(&lanes).expect_err("has no lanes").to_string();
        assert_eq!(error, "lanes: means nothing to serial-chunks; add strategy=adaptive");
    }
}
