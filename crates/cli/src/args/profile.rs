//! Arguments of `tidegate profile`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

pub(crate) const HELP: &str = "\
Samples the command and its threads with Linux `perf` while they run on a processor, and writes a
sampled profile per thread for speedscope. If the command writes a profile of its run (its own
--profile FILE, or --run FILE says where), the upload lanes and slots of the run stand in the same
file, on the same clock. The functions that took the most time, and the share of the SDK's own logger,
are printed on stderr.

The command keeps stdin, stdout and stderr; signals reach it, and its exit code is that of this
command, 128 and the number of the signal if one has ended it. Other exit codes: 2 wrong usage;
125 nothing was profiled, such as without perf or the permission to use it (the command has not run
then); 126 and 127 the command cannot be run.

Examples:
  tidegate profile -- tidegate eval qa.toml --profile run.jsonl
  tidegate profile -o cpu.speedscope.json --frequency 499 -- ./target/release/my-eval
  tidegate profile --call-graph fp -- python3 eval.py   # programs with frame pointers";

/// How perf finds out who called a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CallGraph {
    /// From copies of the stack and the unwind tables that every program has; 8 KiB a sample.
    Dwarf,
    /// From frame pointers: cheap, for programs and libraries that keep them.
    Fp,
}

#[derive(Debug, Args)]
pub(crate) struct Profile {
    /// Where to write it, complete or not at all; `-` is stdout.
    #[arg(short, long, default_value = "profile.speedscope.json", value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Samples per second and thread.
    #[arg(long, default_value_t = 199, value_name = "HZ",
        value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) frequency: u32,
    /// How callers are found.
    #[arg(long, value_enum, default_value = "dwarf")]
    pub(crate) call_graph: CallGraph,
    /// Profile of the run that the command writes, if it is not named by a --profile of its own.
    #[arg(long, value_name = "FILE")]
    pub(crate) run: Option<PathBuf>,
    /// The command and its arguments, after `--`.
    #[arg(value_name = "COMMAND", required = true, last = true)]
    pub(crate) command: Vec<OsString>,
}

impl Profile {
    /// The profile of the run that the command writes, as far as can be known.
    pub(crate) fn run_profile(&self) -> Option<PathBuf> {
        if self.run.is_some() {
            return self.run.clone();
        }
        let mut words = self.command.iter().filter_map(|word| word.to_str());
        while let Some(word) = words.next() {
            if word == "--profile" {
                return words.next().map(PathBuf::from);
            }
            if let Some(path) = word.strip_prefix("--profile=") {
                return Some(path.into());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_of_the_run_is_found_in_the_command() {
        let found = |run: Option<&str>, command: &str| {
            let profile = Profile {
                output: PathBuf::new(),
                frequency: 1,
                call_graph: CallGraph::Fp,
                run: run.map(PathBuf::from),
                command: command.split(' ').map(OsString::from).collect(),
            };
            profile.run_profile()
        };
        assert_eq!(found(None, "eval x.toml --profile a.jsonl"), Some("a.jsonl".into()));
        assert_eq!(found(None, "eval --profile=b.jsonl"), Some("b.jsonl".into()));
        assert_eq!(found(Some("c"), "eval --profile=b.jsonl"), Some("c".into()));
        assert_eq!(found(None, "eval --profile"), None);
        assert_eq!(found(None, "eval --profile-dir x"), None);
    }
}
