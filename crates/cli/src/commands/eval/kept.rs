//! Which run keeps the results of each evaluation, and which one it continues.
//!
//! Several evaluations of one call (files, combinations of a matrix) are a run each, named
//! `<run>.<evaluation>`: the second part says which evaluation it is, the same in every call. So the
//! name of the call resumes all of them, and the ones that had not begun begin. A shard goes on by the
//! command that began it, since what starts shards starts them again without asking.

use std::path::Path;

use anyhow::anyhow;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tidegate_analysis::comparison::case_key;
use tidegate_eval::{Cells, CellsError, Eval, KeptPart};

use super::file::Scorer;
use super::plan::Evaluation;
use super::shard::{self, Place};
use super::version;
use crate::args::eval::{Eval as Arguments, Keep};
use crate::env::Environment;
use crate::exit::Failure;

type Evaluated = Eval<serde_json::Value, serde_json::Value, serde_json::Value>;

/// Where the results of one evaluation are kept, and the versions of what makes them.
#[derive(Debug)]
pub(crate) struct Kept {
    cells: Cells,
    task: String,
    scorers: Vec<(String, String)>,
}

impl Kept {
    /// Sets it.
    pub(crate) fn add(&self, eval: Evaluated) -> Evaluated {
        let eval = eval.cells(self.cells.clone()).task_version(&self.task);
        self.scorers.iter().fold(eval, |eval, (name, version)| eval.scorer_version(name, version))
    }
}

/// The runs of one call.
#[derive(Debug)]
pub(crate) struct Runs {
    /// What all of them are resumed by.
    pub(crate) name: String,
    pub(crate) is_continued: bool,
    /// Number, from 1, and count, where this is a shard.
    pub(crate) part: Option<(u32, u32)>,
    /// One per evaluation, in their order.
    pub(crate) kept: Vec<Kept>,
}

/// Decides the run of each evaluation, before any of them begins. `None` with `--no-cells`.
pub(crate) fn runs(
    evaluations: &[Evaluation],
    arguments: &Arguments,
    environment: &Environment,
) -> Result<Option<Runs>, Failure> {
    let keep = &arguments.keep;
    let place = shard::place(keep, environment)?;
    if keep.no_cells {
        return match place {
            None => Ok(None),
            Some(place) => Err(place.needs_cells()),
        };
    }
    check(evaluations, arguments, place.as_ref())?;
    let dir = arguments.data_dir.path();
    let tags = tags(evaluations);
    let part = place.as_ref().map(|place| place.part);
    let parts = parts(dir, part)?;
    let (name, names) = match keep.continued() {
        Some(run) => continued(run, evaluations, &tags, &parts, part, dir)?,
        None => fresh(evaluations, &tags, &parts, keep, place.as_ref())?,
    };
    let is_known = |run: &str| parts.iter().any(|part| part.run == run);
    // Whoever starts shards starts them again with the same command, such as Kubernetes.
    let goes_on = keep.continued().is_some() || part.is_some();
    let is_continued =
        keep.continued().is_some() || names.iter().any(|run| is_known(run)) && goes_on;
    let kept = evaluations.iter().zip(names).map(|(evaluation, run)| {
        let (number, count) = part.unwrap_or((1, 1));
        let cells = Cells::new(dir)
            .cache(keep.cache)
            .only_scorers(keep.only_scorers.clone())
            .shard(number, count);
        let cells = match goes_on && is_known(&run) {
            true => {
                let cells = cells.resume(run).same_task(keep.same_task);
                cells.only_errors(keep.only_errors.is_some())
            }
            false => cells.run_id(run),
        };
        let versions = evaluation.file.scorers.iter().map(|scorer: &Scorer| {
            Ok((scorer.name.clone(), version::scorer(scorer, evaluation, environment)?))
        });
        Ok(Kept {
            cells,
            task: version::task(evaluation, environment)?,
            scorers: versions.collect::<Result<_, Failure>>()?,
        })
    });
    let kept = kept.collect::<Result<_, Failure>>()?;
    Ok(Some(Runs { name, is_continued, part, kept }))
}

fn check(
    evaluations: &[Evaluation],
    arguments: &Arguments,
    place: Option<&Place>,
) -> Result<(), Failure> {
    let keep = &arguments.keep;
    let wrong = |message: String, hint: &str| Err(Failure::usage(anyhow!(message), hint));
    if keep.same_task && keep.continued().is_none() {
        let hint = "add --resume RUN or --only-errors RUN";
        return wrong("--same-task is about a run to continue".to_owned(), hint);
    }
    if let Some(place) = place {
        if place.run.is_none() && keep.run_id.is_none() && keep.continued().is_none() {
            let hint = "add --run-id NAME, the same for all shards, or --resume RUN";
            return wrong("--shard needs a name that all shards of the run share".to_owned(), hint);
        }
        // Where the variable asks for it, the parser has not seen it.
        if arguments.run.watch || arguments.run.update {
            let message = format!(
                "{} asks for a shard, which neither --watch nor --update goes \
                 with",
                place.asked_by
            );
            return wrong(message, "leave one of them out");
        }
    }
    if keep.run_id.as_deref() == Some("last") {
        let hint = "choose another name: --resume last means the newest run";
        return wrong("a run cannot be named last".to_owned(), hint);
    }
    for evaluation in evaluations {
        let scorers = &evaluation.file.scorers;
        let unknown = keep
            .only_scorers
            .iter()
            .find(|name| !scorers.iter().any(|scorer| scorer.name == **name));
        if let Some(unknown) = unknown {
            let known: Vec<&str> = scorers.iter().map(|scorer| scorer.name.as_str()).collect();
            let message = format!("{} has no scorer {unknown:?}", evaluation.file.source.shown);
            let hint = format!("--only-scorers takes names of scorers: {}", known.join(", "));
            return wrong(message, &hint);
        }
    }
    Ok(())
}

/// What there is of this shard.
fn parts(dir: &Path, part: Option<(u32, u32)>) -> Result<Vec<KeptPart>, Failure> {
    let wanted = part.unwrap_or((1, 1));
    let kept = Cells::kept(dir).map_err(|error| failure(&error))?;
    let mut parts = kept.parts;
    parts.retain(|part| (part.shard.number, part.shard.count) == wanted);
    Ok(parts)
}

/// The name of the call, and of the run of each evaluation.
type Names = (String, Vec<String>);

fn named(name: String, tags: &[String]) -> Result<Names, Failure> {
    let names: Vec<String> = match tags {
        [_] => vec![name.clone()],
        tags => tags.iter().map(|tag| format!("{name}.{tag}")).collect(),
    };
    for run in &names {
        Cells::check_run_id(run).map_err(|error| failure(&error))?;
    }
    Ok((name, names))
}

fn fresh(
    evaluations: &[Evaluation],
    tags: &[String],
    parts: &[KeptPart],
    keep: &Keep,
    place: Option<&Place>,
) -> Result<Names, Failure> {
    let project = evaluations.first().map_or("", |first| &first.file.project);
    let of_place = place.and_then(|place| place.run.as_deref());
    let name = match (&keep.run_id, of_place) {
        (Some(name), _) => name.clone(),
        (None, Some(run)) => match Cells::name_from(project) {
            project if project.is_empty() => run.to_owned(),
            project => format!("{project}-{run}"),
        },
        (None, None) => Cells::new_run_id(project).map_err(|error| failure(&error))?,
    };
    let (name, names) = named(name, tags)?;
    if place.is_some() {
        return Ok((name, names));
    }
    match names.iter().find(|run| parts.iter().any(|part| part.run == **run)) {
        None => Ok((name, names)),
        Some(run) => {
            let error = anyhow!("there is a run {run} already");
            let hint = format!("--resume {name} continues it; or choose another --run-id");
            Err(Failure::usage(error, hint))
        }
    }
}

fn continued(
    run: &str,
    evaluations: &[Evaluation],
    tags: &[String],
    parts: &[KeptPart],
    part: Option<(u32, u32)>,
    dir: &Path,
) -> Result<Names, Failure> {
    let unknown = |what: String| {
        let shard = part.map(|(number, count)| format!(" (shard {number}/{count})"));
        let dir = dir.join("cells");
        let error =
            anyhow!("there is no run {what}{} below {}", shard.unwrap_or_default(), dir.display());
        Failure::usage(
            error,
            "`tidegate cells list` shows the runs; --data-dir says where they are",
        )
    };
    if run == "last" {
        return last(evaluations, tags, parts).ok_or_else(|| {
            let project = evaluations.first().map_or("", |first| &first.file.project);
            unknown(format!("of the project {project:?}"))
        });
    }
    let (name, mut names) = named(run.to_owned(), tags)?;
    let is_known = |run: &String| parts.iter().any(|part| part.run == *run);
    if let ([tag], [only]) = (tags, &mut names[..])
        && !is_known(only)
    {
        // One of several evaluations of that call.
        *only = format!("{run}.{tag}");
    }
    if names.iter().any(is_known) { Ok((name, names)) } else { Err(unknown(run.to_owned())) }
}

/// The newest run of these evaluations.
fn last(evaluations: &[Evaluation], tags: &[String], parts: &[KeptPart]) -> Option<Names> {
    let name = |part: &KeptPart| -> Option<String> {
        let of = |(evaluation, tag): (&Evaluation, &String)| {
            let base = match (part.run.rsplit_once('.'), tags.len()) {
                (Some((_, other)), 1) if is_tag(other) && other != tag => return None,
                (_, 1) => part.run.as_str(),
                (Some((base, other)), _) if other == tag => base,
                _ => return None,
            };
            (part.project == evaluation.file.project).then(|| base.to_owned())
        };
        evaluations.iter().zip(tags).find_map(of)
    };
    let known = parts.iter().filter_map(|part| Some((&part.created, name(part)?)));
    let (_, name) = known.max_by(|(one, _), (other, _)| one.cmp(other))?;
    named(name, tags).ok()
}

/// What tells the evaluations of one call apart: the file's name and a hash of what else does.
fn tags(evaluations: &[Evaluation]) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for evaluation in evaluations {
        let path = Path::new(&evaluation.file.source.shown);
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        // Files of one name in several directories are told apart by their order.
        for occurrence in 0_usize.. {
            let what = json!([stem, evaluation.file.project, evaluation.parameters, occurrence]);
            let hash = Sha256::digest(case_key(&what).as_bytes());
            let hash =
                hash[..4].iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
            let tag = match Cells::name_from(&stem) {
                name if name.is_empty() => format!("eval-{hash}"),
                name => format!("{name}-{hash}"),
            };
            if !tags.contains(&tag) {
                tags.push(tag);
                break;
            }
        }
    }
    tags
}

fn is_tag(text: &str) -> bool {
    let hash = text.rsplit_once('-').map_or("", |(_, hash)| hash);
    hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// An error about records, with what the flags of this command can do about it.
pub(crate) fn failure(error: &CellsError) -> Failure {
    let hint = match error {
        CellsError::Different { what: "the task version", .. } => {
            "start a new run (--cache takes over what has not changed); or, if the task is the \
             same all the same, add --same-task"
        }
        CellsError::Different { .. } | CellsError::Setting(_) => "see `tidegate eval --help`",
        CellsError::UnknownRun { .. } => "`tidegate cells list` shows the runs",
        CellsError::Shared { .. } => {
            "shards of one run need the same evaluation; for another run choose another --run-id"
        }
        CellsError::RunExists { .. } => "--resume continues it; or choose another --run-id",
        other => other.hint(),
    };
    let chain =
        std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    let text = chain.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    match error {
        CellsError::Different { .. }
        | CellsError::Setting(_)
        | CellsError::UnknownRun { .. }
        | CellsError::Shared { .. }
        | CellsError::RunExists { .. } => Failure::usage(anyhow!(text), hint),
        _ => Failure::failed(anyhow!(text), hint),
    }
}
