//! Arguments about results that are kept, and taken over.

use clap::Args;

/// What is kept of a run, and taken over from earlier ones.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is kept and taken over")]
pub(crate) struct Keep {
    /// Name of this run, by which it is resumed; by default the project, time and chance, or for a
    /// shard what its CI pipeline or job array is called.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["resume", "only_errors", "list", "watch"])]
    pub(crate) run_id: Option<String>,
    /// Continues a run that was cut off: what it has finished does not run again. `last` is the
    /// newest one.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["only_errors", "list", "watch"])]
    pub(crate) resume: Option<String>,
    /// Takes over what earlier runs of the project have finished and nothing has changed for.
    #[arg(long, conflicts_with = "list")]
    pub(crate) cache: bool,
    /// Continues a run, and runs failed cases and scorers of it again.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["list", "watch"])]
    pub(crate) only_errors: Option<String>,
    /// Runs these scorers again on outputs that are kept, and nothing else: those of the run of
    /// --resume, or of all earlier ones.
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        conflicts_with_all = ["only_errors", "cache", "list", "watch"],
        value_parser = clap::builder::NonEmptyStringValueParser::new()
    )]
    pub(crate) only_scorers: Vec<String>,
    /// Runs every N-th case, beginning with the I-th; the shards of a run share its --run-id and its
    /// experiment, and `tidegate merge` makes one result of them. `auto` takes I/N from a CI matrix,
    /// a Slurm array or a Kubernetes job: see docs/resume.md. So does TIDEGATE_SHARD, which may be
    /// I/N as well. The same command again goes on where the shard was.
    #[arg(
        long,
        value_name = "I/N|auto",
        value_parser = ShardWish::parse,
        conflicts_with_all = ["list", "watch", "update"]
    )]
    pub(crate) shard: Option<ShardWish>,
    /// Takes the task for the one that was recorded, though its command or files have changed.
    #[arg(long, conflicts_with_all = ["list", "watch"])]
    pub(crate) same_task: bool,
    /// Keeps nothing in files: a run that is cut off cannot be resumed.
    #[arg(
        long,
        conflicts_with_all =
            ["run_id", "resume", "cache", "only_errors", "only_scorers", "shard", "same_task"]
    )]
    pub(crate) no_cells: bool,
}

impl Keep {
    /// The run that is continued, if one is.
    pub(crate) fn continued(&self) -> Option<&str> {
        self.resume.as_deref().or(self.only_errors.as_deref())
    }
}

/// Which part of a run is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShardWish {
    /// The one that the environment says.
    Auto,
    /// Number, from 1, and count.
    Part(u32, u32),
}

impl ShardWish {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let wrong = || format!("{text:?} is no shard: write it like 2/8, counting from 1, or auto");
        let (number, count) = text.split_once('/').ok_or_else(wrong)?;
        let (number, count): (u32, u32) =
            number.parse().ok().zip(count.parse().ok()).ok_or_else(wrong)?;
        if (1..=count).contains(&number) { Ok(Self::Part(number, count)) } else { Err(wrong()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_count_from_one() {
        assert_eq!(ShardWish::parse("1/1"), Ok(ShardWish::Part(1, 1)));
        assert_eq!(ShardWish::parse("8/8"), Ok(ShardWish::Part(8, 8)));
        assert_eq!(ShardWish::parse("auto"), Ok(ShardWish::Auto));
        for bad in ["", "1", "0/2", "3/2", "1/0", "a/b", "-1/2", "1/2/3", "1 / 2", "Auto"] {
            assert!(ShardWish::parse(bad).is_err(), "{bad}");
        }
    }
}
