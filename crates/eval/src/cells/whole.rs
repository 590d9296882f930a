//! What all shards of a run come to, whether their records are here or on a server.

use std::path::{Path, PathBuf};

use tidegate_analysis::statistics::Options;

use super::manifest::{self, End, Manifest};
use super::{CellsError, CellsSummary, Shard};
use crate::gate::Gate;

/// A whole run, apart from its results.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(super) manifest: Manifest,
    /// What became of all cells.
    pub(super) end: End,
    pub(crate) gates: Vec<Gate>,
    pub(crate) statistics: Options,
}

impl Whole {
    /// Of the manifest of any shard, which `place` has, and the ends of all.
    pub(super) fn new(
        place: &Path,
        manifest: Manifest,
        ends: &[(&PathBuf, &End)],
    ) -> Result<Self, CellsError> {
        let unreadable =
            |problem| CellsError::Manifest { path: place.join(manifest::FILE), problem };
        let gates = manifest.gates().map_err(unreadable)?;
        let statistics = manifest.options().map_err(unreadable)?;
        Ok(Self { manifest, end: together(ends), gates, statistics })
    }

    pub(crate) fn project(&self) -> &str {
        &self.manifest.project
    }

    /// Cells of the whole run.
    pub(crate) fn cells(&self) -> u64 {
        self.end.cells.unwrap_or_default()
    }

    pub(crate) fn duration_s(&self) -> f64 {
        self.end.duration_s
    }

    pub(crate) fn summary(&self) -> CellsSummary {
        let End { ran, taken_over, rescored, left_out, complete, .. } = self.end;
        let (run, shard) = (self.manifest.run.clone(), Shard::WHOLE);
        CellsSummary { run, shard, ran, taken_over, rescored, left_out, complete }
    }

    /// What the shards have that a merge cannot compute.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let names = &self.manifest.run_scorers;
        let warning = || {
            format!(
                "{} computed over the whole run by code of the evaluation, which a merge has not: \
                 no score",
                names.join(", ")
            )
        };
        if names.is_empty() { Vec::new() } else { vec![warning()] }
    }
}

/// Of shards that are finished, and of one run; at least one.
fn together(ends: &[(&PathBuf, &End)]) -> End {
    let sum = |of: fn(&End) -> u64| ends.iter().map(|(_, end)| of(end)).sum();
    let first = ends.first().map(|(_, end)| *end);
    End {
        complete: true,
        cells: first.and_then(|end| end.cells),
        keys: first.and_then(|end| end.keys),
        ran: sum(|end| end.ran),
        taken_over: sum(|end| end.taken_over),
        rescored: sum(|end| end.rescored),
        left_out: sum(|end| end.left_out),
        duration_s: ends.iter().map(|(_, end)| end.duration_s).fold(0.0, f64::max),
    }
}
