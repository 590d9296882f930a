//! Which file a run means, and reading it.

use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use tidegate_analysis::profile::{Profile, ProfileError};
use tidegate_eval::Cells;

use crate::args::timeline::Timeline;
use crate::commands::eval::cells_failure;
use crate::exit::Failure;

/// Where the profile of a kept run is, in its directory.
const FILE: &str = "profile.jsonl";
const BUFFER_BYTES: usize = 1 << 18;
const HOW: &str =
    "record one with `tidegate eval FILE.toml --profile run.jsonl`, and name that file";

/// The file that is meant: one of that path, else that of a kept run. With `--follow` it need not
/// exist yet.
pub(super) fn find(timeline: &Timeline) -> Result<PathBuf, Failure> {
    let path = PathBuf::from(&timeline.run);
    if path.is_dir() {
        return in_directory(&path);
    }
    let is_path = timeline.run.contains('/')
        || path.extension().is_some_and(|end| end == "jsonl" || end == "json");
    if path.exists() || (is_path && timeline.follow) {
        return Ok(path);
    }
    let dir = timeline.data_dir.path();
    let kept = Cells::kept(dir).map_err(|error| cells_failure(&error))?;
    let of_run = |part: &&tidegate_eval::KeptPart| part.run == timeline.run;
    let parts: Vec<_> = kept.parts.iter().filter(of_run).collect();
    let Some(first) = parts.first() else {
        let what = if is_path { "no file" } else { "neither a file nor a kept run" };
        let error = anyhow!("there is {what} {}", timeline.run);
        let hint = "name a profile, or a run of `tidegate cells list`; --data-dir says where runs are kept";
        return Err(Failure::usage(error, hint));
    };
    let of_part = |part: &&tidegate_eval::KeptPart| part.directory.join(FILE);
    let own = first.directory.parent().map(|run| run.join(FILE));
    let mut found = own.into_iter().chain(parts.iter().map(of_part)).filter(|path| path.is_file());
    match (found.next(), found.next()) {
        (Some(path), None) => Ok(path),
        (Some(one), Some(other)) => {
            let error = anyhow!("each shard of the run {} has a profile", timeline.run);
            Err(Failure::usage(
                error,
                format!("name one of them: {}, {}, …", one.display(), other.display()),
            ))
        }
        (None, _) => {
            let error = anyhow!("the run {} was kept without a profile", timeline.run);
            Err(Failure::usage(error, HOW))
        }
    }
}

fn in_directory(directory: &Path) -> Result<PathBuf, Failure> {
    let path = directory.join(FILE);
    if path.is_file() {
        return Ok(path);
    }
    let error = anyhow!("{} is a directory without a {FILE}", directory.display());
    Err(Failure::usage(error, HOW))
}

pub(super) fn open(path: &Path) -> Result<BufReader<File>, Failure> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()));
    let file =
        file.map_err(|error| Failure::failed(error, "check the path and its permissions"))?;
    Ok(BufReader::with_capacity(BUFFER_BYTES, file))
}

/// Reads a whole file. One that another process is still writing is a profile up to there.
pub(crate) fn read(path: &Path) -> Result<Profile, Failure> {
    Profile::read(open(path)?).map_err(|error| failure(path, error))
}

/// An error about a profile, with what to do.
pub(super) fn failure(path: &Path, error: ProfileError) -> Failure {
    let hint = match &error {
        ProfileError::Read { source, .. } if source.kind() == ErrorKind::IsADirectory => {
            "name a file".to_owned()
        }
        ProfileError::Read { .. } => "check the disk".to_owned(),
        ProfileError::Newer(_) => "upgrade tidegate to read it".to_owned(),
        ProfileError::NoHeader | ProfileError::Empty => HOW.to_owned(),
        _ => "a profile is written by this program only; if the file was copied or edited, take the original"
            .to_owned(),
    };
    Failure::failed(anyhow::Error::new(error).context(path.display().to_string()), hint)
}
