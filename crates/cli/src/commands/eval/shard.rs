//! Which shard this is, and which run it belongs to, where the environment says so.
//!
//! Two questions with an answer each. Which part: `--shard I/N`, else `TIDEGATE_SHARD`; `auto` takes
//! the first of these that is there:
//!
//! | Where | Number | Count | From |
//! |---|---|---|---|
//! | Kubernetes, indexed job | `JOB_COMPLETION_INDEX` | `TIDEGATE_SHARDS` | 0 |
//! | Slurm, job array | `SLURM_ARRAY_TASK_ID`, `_MIN`, `_STEP` | `SLURM_ARRAY_TASK_COUNT` | `_MIN` |
//! | GitLab, `parallel` | `CI_NODE_INDEX` | `CI_NODE_TOTAL` | 1 |
//! | CircleCI, `parallelism` | `CIRCLE_NODE_INDEX` | `CIRCLE_NODE_TOTAL` | 0 |
//! | Buildkite, `parallelism` | `BUILDKITE_PARALLEL_JOB` | `BUILDKITE_PARALLEL_JOB_COUNT` | 0 |
//!
//! A scheduler stands before a CI service, since the agents of a service run inside of one and not
//! the other way round. Which run: `--run-id`, else what all jobs of a pipeline have in common, and
//! what stays when a failed one is started again.

use anyhow::anyhow;

use crate::args::eval::{Keep, ShardWish};
use crate::env::Environment;
use crate::exit::Failure;

/// What is set as `--shard` for a whole job.
const WISH: &str = "TIDEGATE_SHARD";
/// Kubernetes does not tell a container how many completions its job has.
const COUNT: &str = "TIDEGATE_SHARDS";

/// Runs by the variable that all jobs of one have in common, with what stands before its value.
const RUNS: [(&str, &str); 5] = [
    ("SLURM_ARRAY_JOB_ID", "slurm"),
    ("GITHUB_RUN_ID", "github"),
    ("CI_PIPELINE_ID", "gitlab"),
    ("CIRCLE_WORKFLOW_ID", "circleci"),
    ("BUILDKITE_BUILD_ID", "buildkite"),
];

/// The part of a run that this process is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Number, from 1, and count.
    pub(super) part: (u32, u32),
    /// What the environment calls the run.
    pub(super) run: Option<String>,
    /// What has asked for a shard.
    pub(super) asked_by: &'static str,
}

impl Place {
    pub(super) fn needs_cells(&self) -> Failure {
        let error =
            anyhow!("{} asks for a shard, which --no-cells does not go with", self.asked_by);
        Failure::usage(error, "leave one of them out: shards are merged by their cells")
    }
}

/// Which shard this is; `None` if nobody has asked for one.
pub(super) fn place(keep: &Keep, environment: &Environment) -> Result<Option<Place>, Failure> {
    let get = |name: &str| environment.get(name);
    let (wish, asked_by) = match (keep.shard, get(WISH)) {
        (Some(wish), _) => (wish, "--shard"),
        (None, Some(text)) => {
            let wish = ShardWish::parse(text.trim());
            let hint = "write it like 2/8, or auto; or remove the variable";
            (wish.map_err(|problem| Failure::usage(anyhow!("{WISH}: {problem}"), hint))?, WISH)
        }
        (None, None) => return Ok(None),
    };
    let part = match wish {
        ShardWish::Part(number, count) => (number, count),
        ShardWish::Auto => found(&get)?,
    };
    Ok(Some(Place { part, run: run(&get), asked_by }))
}

type Get<'a> = &'a dyn Fn(&str) -> Option<String>;

fn run(get: Get<'_>) -> Option<String> {
    RUNS.iter().find_map(|(variable, place)| Some(format!("{place}-{}", get(variable)?.trim())))
}

fn found(get: Get<'_>) -> Result<(u32, u32), Failure> {
    let set = |name: &str| get(name).is_some();
    if set("JOB_COMPLETION_INDEX") {
        if !set(COUNT) {
            let error = anyhow!("JOB_COMPLETION_INDEX is set, and {COUNT} is not");
            let hint = "Kubernetes does not say how many completions a job has: set TIDEGATE_SHARDS \
                        to spec.completions in the job";
            return Err(Failure::usage(error, hint));
        }
        return counted(get, ("JOB_COMPLETION_INDEX", COUNT), 0);
    }
    if set("SLURM_ARRAY_TASK_ID") {
        return slurm(get);
    }
    // Other services have variables of these names that count differently.
    if set("GITLAB_CI") && set("CI_NODE_TOTAL") {
        // Without `parallel` there is one job and no index.
        return match set("CI_NODE_INDEX") || number(get, "CI_NODE_TOTAL")? != 1 {
            true => counted(get, ("CI_NODE_INDEX", "CI_NODE_TOTAL"), 1),
            false => Ok((1, 1)),
        };
    }
    let circle = ("CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL");
    let buildkite = ("BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT");
    for names in [circle, buildkite] {
        if set(names.0) {
            return counted(get, names, 0);
        }
    }
    let error = anyhow!("no variable of the environment says which shard this is");
    let hint = "auto knows Kubernetes, Slurm, GitLab, CircleCI and Buildkite; elsewhere write \
                --shard I/N, or set TIDEGATE_SHARD=I/N (GitHub: \
                ${{ matrix.shard }}/${{ strategy.job-total }})";
    Err(Failure::usage(error, hint))
}

fn number(get: Get<'_>, name: &str) -> Result<u32, Failure> {
    let text = get(name);
    let wrong = || {
        let error = match &text {
            Some(text) => anyhow!("{name} is {text:?}, and not a number"),
            None => anyhow!("{name} is not set"),
        };
        Failure::usage(error, "correct the variable, or write --shard I/N")
    };
    text.as_deref().and_then(|text| text.trim().parse().ok()).ok_or_else(wrong)
}

/// Two numbers, the first of which counts from `first`.
fn counted(get: Get<'_>, (index, count): (&str, &str), first: u32) -> Result<(u32, u32), Failure> {
    let (at, of) = (number(get, index)?, number(get, count)?);
    match at.checked_sub(first).filter(|at| *at < of) {
        Some(at) => Ok((at + 1, of)),
        None => {
            let error = anyhow!("{index} is {at}, which is none of {of} from {first} ({count})");
            Err(Failure::usage(error, "correct the variables, or write --shard I/N"))
        }
    }
}

/// An array counts from any number in any steps; only a list without steps has no count to be
/// derived from it.
fn slurm(get: Get<'_>) -> Result<(u32, u32), Failure> {
    let of = |name: &str| number(get, name);
    let (id, count) = (of("SLURM_ARRAY_TASK_ID")?, of("SLURM_ARRAY_TASK_COUNT")?);
    let (min, max) = (of("SLURM_ARRAY_TASK_MIN")?, of("SLURM_ARRAY_TASK_MAX")?);
    let step = of("SLURM_ARRAY_TASK_STEP")?.max(1);
    let at = id.checked_sub(min).filter(|at| at.is_multiple_of(step)).map(|at| at / step);
    let is_even = max.checked_sub(min).is_some_and(|all| all / step == count.saturating_sub(1));
    match at.filter(|at| is_even && *at < count) {
        Some(at) => Ok((at + 1, count)),
        None => {
            let error = anyhow!(
                "SLURM_ARRAY_TASK_ID is {id} of {count} tasks from {min} to {max} in steps of {step}, \
                 which do not count off shards"
            );
            let hint = "give the array a range such as --array=1-8, or write --shard I/N";
            Err(Failure::usage(error, hint))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn all(text: &str) -> HashMap<String, String> {
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').expect("a pair");
            (name.to_owned(), value.to_owned())
        };
        text.split(' ').map(pair).collect()
    }

    fn part(text: &str) -> Result<(u32, u32), String> {
        let variables = all(text);
        found(&|name| variables.get(name).cloned()).map_err(|failure| failure.to_string())
    }

    #[test]
    fn every_platform_counts_as_it_does() {
        for (variables, wanted) in [
            ("JOB_COMPLETION_INDEX=0 TIDEGATE_SHARDS=8", (1, 8)),
            ("JOB_COMPLETION_INDEX=7 TIDEGATE_SHARDS=8", (8, 8)),
            (
                "SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=7 \
              SLURM_ARRAY_TASK_COUNT=8 SLURM_ARRAY_TASK_STEP=1",
                (1, 8),
            ),
            (
                "SLURM_ARRAY_TASK_ID=7 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=7 \
              SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_STEP=2",
                (4, 4),
            ),
            ("GITLAB_CI=true CI_NODE_INDEX=1 CI_NODE_TOTAL=3", (1, 3)),
            ("GITLAB_CI=true CI_NODE_INDEX=3 CI_NODE_TOTAL=3", (3, 3)),
            ("GITLAB_CI=true CI_NODE_TOTAL=1", (1, 1)),
            ("CIRCLE_NODE_INDEX=0 CIRCLE_NODE_TOTAL=1", (1, 1)),
            ("CIRCLE_NODE_INDEX=3 CIRCLE_NODE_TOTAL=4", (4, 4)),
            ("BUILDKITE_PARALLEL_JOB=1 BUILDKITE_PARALLEL_JOB_COUNT=5", (2, 5)),
            // An agent of a service in a job of a scheduler.
            (
                "JOB_COMPLETION_INDEX=1 TIDEGATE_SHARDS=2 GITLAB_CI=true CI_NODE_INDEX=3 \
              CI_NODE_TOTAL=3",
                (2, 2),
            ),
        ] {
            assert_eq!(part(variables), Ok(wanted), "{variables}");
        }
    }

    #[test]
    fn what_is_wrong_names_its_variable() {
        for (variables, name) in [
            ("HOME=/", "no variable"),
            ("CI_NODE_INDEX=1 CI_NODE_TOTAL=3", "no variable"),
            ("JOB_COMPLETION_INDEX=0", "TIDEGATE_SHARDS is not"),
            ("JOB_COMPLETION_INDEX=8 TIDEGATE_SHARDS=8", "JOB_COMPLETION_INDEX is 8"),
            ("JOB_COMPLETION_INDEX=x TIDEGATE_SHARDS=8", "JOB_COMPLETION_INDEX is \"x\""),
            ("JOB_COMPLETION_INDEX=0 TIDEGATE_SHARDS=-1", "TIDEGATE_SHARDS is \"-1\""),
            ("JOB_COMPLETION_INDEX=0 TIDEGATE_SHARDS=0", "none of 0"),
            ("GITLAB_CI=true CI_NODE_INDEX=0 CI_NODE_TOTAL=3", "CI_NODE_INDEX is 0"),
            ("GITLAB_CI=true CI_NODE_TOTAL=3", "CI_NODE_INDEX is not set"),
            ("CIRCLE_NODE_INDEX=0", "CIRCLE_NODE_TOTAL is not set"),
            ("SLURM_ARRAY_TASK_ID=3", "SLURM_ARRAY_TASK_COUNT is not set"),
            // --array=1,2,9
            (
                "SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=9 \
              SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_STEP=1",
                "SLURM_ARRAY_TASK_ID is 2 of 3",
            ),
        ] {
            let error = part(variables).expect_err(variables);
            assert!(error.contains(name), "{variables}: {error}");
        }
    }

    #[test]
    fn a_run_is_what_jobs_have_in_common_and_keep_when_they_are_started_again() {
        let of = |text: &str| {
            let variables = all(text);
            run(&|name| variables.get(name).cloned())
        };
        let github = of("GITHUB_RUN_ID=17 GITHUB_RUN_ATTEMPT=2");
        assert_eq!(github.as_deref(), Some("github-17"));
        assert_eq!(of("CI_PIPELINE_ID=5 CI_JOB_ID=9").as_deref(), Some("gitlab-5"));
        assert_eq!(of("SLURM_ARRAY_JOB_ID=3 SLURM_JOB_ID=4").as_deref(), Some("slurm-3"));
        assert_eq!(of("JOB_COMPLETION_INDEX=3"), None);
    }
}
