//! What the metadata of an experiment says of the shards that record in it.
//!
//! ```text
//! metadata.tidegate.run        what all shards have in common: the manifest of none of them
//! metadata.tidegate.shards.<i> how far shard i got, written by it alone
//! ```
//!
//! The first shard to register brings `run` along; every other one compares it with its own before
//! its first case. So two runs that were given one name do not become one experiment.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::manifest::{End, Manifest};
use super::merge::{difference, one_run};
use super::whole::Whole;
use super::{CellsError, Shard};

/// The member of an experiment's metadata that is ours.
pub(crate) const MEMBER: &str = "tidegate";

#[derive(Debug, Deserialize)]
struct Recorded {
    run: Manifest,
    #[serde(default)]
    shards: BTreeMap<u32, End>,
}

/// A shard as it is known to its experiment. Made only for runs of several shards.
#[derive(Debug)]
pub(crate) struct SharedShard {
    common: Manifest,
    shard: Shard,
}

impl SharedShard {
    /// `None` for a run of one part, which has an experiment of its own.
    pub(super) fn of(manifest: &Manifest) -> Option<Self> {
        let shard = manifest.shard;
        (shard.count > 1).then(|| Self { common: common(manifest), shard })
    }

    /// The name of the experiment: the same for all shards, and no other run's.
    pub(crate) fn experiment(&self, wanted: Option<&str>) -> String {
        let run = &self.common.run;
        wanted.map_or_else(|| run.clone(), |wanted| format!("{wanted}-{run}"))
    }

    /// Adds what all shards register alike.
    pub(crate) fn describe(&self, metadata: &mut Map<String, Value>) {
        let ours = metadata.entry(MEMBER).or_insert_with(|| json!({}));
        if !ours.is_object() {
            *ours = json!({});
        }
        ours["run"] = value(&self.common);
    }

    /// Whether the experiment is of this run.
    pub(crate) fn check(
        &self,
        experiment: &str,
        metadata: &Map<String, Value>,
    ) -> Result<(), CellsError> {
        let recorded = recorded(experiment, metadata)?.run;
        let other = |problem: String| {
            Err(CellsError::Shared { experiment: experiment.to_owned(), problem })
        };
        if recorded.run != self.common.run {
            return other(format!("it is of the run {}", recorded.run));
        }
        match difference(&recorded, &self.common) {
            Some(what) => {
                other(format!("its run {} was begun with another value of {what}", recorded.run))
            }
            None => Ok(()),
        }
    }

    /// What the shard merges into the metadata when it begins.
    pub(crate) fn begun(&self) -> Map<String, Value> {
        self.state(&End::open())
    }

    /// The same when it has ended.
    pub(super) fn state(&self, end: &End) -> Map<String, Value> {
        let shard = self.shard.number.to_string();
        let state = json!({MEMBER: {"shards": {shard: value(end)}}});
        let Value::Object(state) = state else { unreachable!("it is written as an object") };
        state
    }
}

/// What the shards say of the whole run.
///
/// # Errors
/// [`CellsError::Shared`] if the experiment is not of shards, [`CellsError::Unmergeable`] if one is
/// missing or not finished.
pub(crate) fn whole_run(
    experiment: &str,
    metadata: &Map<String, Value>,
) -> Result<Whole, CellsError> {
    let Recorded { run, shards } = recorded(experiment, metadata)?;
    let place = PathBuf::from(format!("the experiment {experiment}"));
    let count = run.shard.count;
    let part = |(number, end): (u32, End)| {
        let shard = Shard { number, count };
        (place.clone(), Manifest { shard, end: Some(end), ..run.clone() })
    };
    let parts: Vec<_> =
        shards.into_iter().filter(|(n, _)| (1..=count).contains(n)).map(part).collect();
    if parts.is_empty() {
        return Err(CellsError::Unmergeable(format!("no shard of {experiment} has begun")));
    }
    let ends = one_run(&parts)?;
    Whole::new(&place, run, &ends)
}

fn recorded(experiment: &str, metadata: &Map<String, Value>) -> Result<Recorded, CellsError> {
    let problem =
        |problem: String| CellsError::Shared { experiment: experiment.to_owned(), problem };
    let ours = metadata.get(MEMBER).filter(|ours| ours.get("run").is_some());
    let ours = ours.ok_or_else(|| problem("shards have not recorded it".to_owned()))?;
    let recorded = Recorded::deserialize(ours)
        .map_err(|error| problem(format!("its metadata cannot be understood: {error}")))?;
    recorded.run.checked().map_err(problem)?;
    Ok(recorded)
}

/// What is the same in all shards of a run, in the place of a whole one.
fn common(manifest: &Manifest) -> Manifest {
    let shard = Shard { number: 1, count: manifest.shard.count };
    Manifest { shard, created: String::new(), experiment: None, end: None, ..manifest.clone() }
}

fn value<T: Serialize>(of: &T) -> Value {
    serde_json::to_value(of).expect("a manifest is JSON")
}
