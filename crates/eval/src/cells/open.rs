//! Which part of which run this process writes.

use std::collections::HashSet;

use super::manifest::{Head, Manifest};
use super::record::kind_and_name;
use super::session::Facts;
use super::store::{self, Part};
use super::{Cells, CellsError};

/// Whether the settings go together.
pub(super) fn check(cells: &Cells, facts: &Facts) -> Result<(), CellsError> {
    let wrong = |problem: String| Err(CellsError::Setting(problem));
    let names: HashSet<_> = facts.scorers.iter().map(|(name, _)| name).collect();
    if names.len() < facts.scorers.len() {
        return wrong("two scorers have one name, so their scores cannot be told apart".into());
    }
    let is_known = |name: &String| names.iter().any(|grade| kind_and_name(grade).1 == name);
    if let Some(unknown) = cells.only_scorers.iter().find(|name| !is_known(name)) {
        return wrong(format!("there is no scorer {unknown:?} to run alone"));
    }
    if !cells.shard.is_valid() {
        return wrong(format!("there is no shard {}: count from 1", cells.shard));
    }
    if cells.resume.is_some() && cells.run_id.is_some() {
        return wrong("a run that is resumed keeps its name".into());
    }
    if cells.resume.is_none() && (cells.only_errors || cells.same_task) {
        return wrong("which run? `only_errors` and `same_task` are about one to resume".into());
    }
    Ok(())
}

/// Takes the part of a run that is there.
pub(super) fn resumed(
    cells: &Cells,
    run: &str,
    head: &mut Head<'_>,
) -> Result<(Part, String, Option<Manifest>), CellsError> {
    let Cells { dir, shard, .. } = cells;
    let run = match run {
        "last" => store::last_run(dir, head.project, *shard)?,
        run => run.to_owned(),
    };
    store::check_name(&run)?;
    let directory = store::directory_of(dir, &run, *shard);
    if Manifest::read(&directory)?.is_none() {
        return Err(CellsError::UnknownRun { run, shard: *shard, dir: store::runs_directory(dir) });
    }
    let part = Part::take(dir, &run, *shard)?;
    // Again, now that nobody else changes it.
    let before = Manifest::read(&directory)?;
    if let Some(before) = &before {
        let different = |what, recorded: &str, now: &str| CellsError::Different {
            run: run.clone(),
            what,
            recorded: recorded.to_owned(),
            now: now.to_owned(),
        };
        if before.project != head.project {
            return Err(different("the project", &before.project, head.project));
        }
        if cells.same_task {
            head.task_version.clone_from(&before.task_version);
        } else if before.task_version != head.task_version {
            let what = "the task version";
            return Err(different(what, &before.task_version, &head.task_version));
        }
        head.created.clone_from(&before.created);
    }
    Ok((part, run, before))
}

/// Makes the part of a new run.
pub(super) fn fresh(cells: &Cells) -> Result<(Part, String, Option<Manifest>), CellsError> {
    let Cells { dir, shard, .. } = cells;
    let run = match &cells.run_id {
        Some(run) => run.clone(),
        None => store::new_run_id()?,
    };
    store::check_name(&run)?;
    let part = Part::take(dir, &run, *shard)?;
    // Without a manifest the process ended before its first cell.
    if Manifest::read(&part.directory)?.is_some() {
        return Err(CellsError::RunExists { run, shard: *shard });
    }
    Ok((part, run, None))
}
