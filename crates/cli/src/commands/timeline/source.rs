//! Which file a run means, and reading it.

use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use tidegate::client::env::Settings;
use tidegate_analysis::profile::{Profile, ProfileError};
use tidegate_eval::{Cells, KeptPart};

use crate::args::compare::Place;
use crate::args::timeline::Timeline;
use crate::commands::eval::cells_failure;
use crate::exit::Failure;
use crate::runs::{Runs, blocking};

/// Where the profile of a kept run is, in its directory.
const FILE: &str = "profile.jsonl";
/// What a data directory has once a collector has used it.
const DATABASE: &str = "tidegate.db";
const BUFFER_BYTES: usize = 1 << 18;
const NOWHERE: &str = "name a profile, an experiment whose server keeps one, or a run of `tidegate cells list`; \
     see --data-dir, --project, and BRAINTRUST_APP_URL for where they are looked for";
const HOW: &str =
    "record one with `tidegate eval FILE.toml --profile run.jsonl`, and name that file";

/// What a run means.
pub(super) enum Found {
    /// A file. With `--follow` it need not exist yet.
    File(PathBuf),
    /// An experiment, if there is one of that name; in the words of a failure, what else was looked
    /// for.
    Experiment { name: String, error: anyhow::Error },
}

/// A file of that path, else that of a kept run, else what a server may have.
pub(super) fn find(timeline: &Timeline) -> Result<Found, Failure> {
    let path = PathBuf::from(&timeline.run);
    if path.is_dir() {
        return in_directory(&path).map(Found::File);
    }
    let is_path = timeline.run.contains('/')
        || path.extension().is_some_and(|end| end == "jsonl" || end == "json");
    if path.exists() || (is_path && timeline.follow) {
        return Ok(Found::File(path));
    }
    if is_path {
        let error = anyhow!("there is no file {}", timeline.run);
        return Err(Failure::usage(error, NOWHERE));
    }
    let dir = timeline.place.data_dir.path();
    let kept = Cells::kept(dir).map_err(|error| cells_failure(&error))?;
    let of_run = |part: &&KeptPart| part.run == timeline.run;
    let parts: Vec<_> = kept.parts.iter().filter(of_run).collect();
    let Some(first) = parts.first() else {
        let error =
            anyhow!("there is neither a file, a kept run nor an experiment {}", timeline.run);
        return Ok(Found::Experiment { name: timeline.run.clone(), error });
    };
    let of_part = |part: &&KeptPart| part.directory.join(FILE);
    let own = first.directory.parent().map(|run| run.join(FILE));
    let mut found = own.into_iter().chain(parts.iter().map(of_part)).filter(|path| path.is_file());
    match (found.next(), found.next()) {
        (Some(path), None) => Ok(Found::File(path)),
        (Some(one), Some(other)) => {
            let error = anyhow!("each shard of the run {} has a profile", timeline.run);
            let hint = format!("name one of them: {}, {}, …", one.display(), other.display());
            Err(Failure::usage(error, hint))
        }
        (None, _) => {
            let error = anyhow!("the run {} was kept without a profile", timeline.run);
            let name = first.experiment.clone().unwrap_or_else(|| timeline.run.clone());
            Ok(Found::Experiment { name, error })
        }
    }
}

/// Reads what was found.
pub(super) async fn load(found: Found, place: &Place) -> Result<Profile, Failure> {
    let (name, error) = match found {
        Found::File(path) => return read(&path),
        Found::Experiment { name, error } => (name, error),
    };
    let settings = Settings::from_env()
        .map_err(|error| Failure::failed(error.into(), "correct or remove the file"))?;
    // Looking for a name must not make a database where there is none.
    if !settings.destination_is_set() && !place.data_dir.path().join(DATABASE).exists() {
        return Err(Failure::usage(error, NOWHERE));
    }
    let mut runs = Runs::new(&place.data_dir, place.project.as_deref());
    let kept = kept(&mut runs, &name).await;
    runs.close().await;
    match kept? {
        None => Err(Failure::usage(error, NOWHERE)),
        Some(None) => {
            let error = anyhow!("no profile is kept with the experiment {name}");
            Err(Failure::usage(error, HOW))
        }
        Some(Some(profile)) => {
            let read = blocking(move || Ok(Profile::read(&profile[..]))).await?;
            read.map_err(|error| failure(Path::new(&name), error))
        }
    }
}

/// The profile of an experiment, if there is one and if there is such an experiment.
async fn kept(runs: &mut Runs<'_>, name: &str) -> Result<Option<Option<Bytes>>, Failure> {
    match runs.experiment(name).await? {
        Some(experiment) => runs.profile(&experiment).await.map(Some),
        None => Ok(None),
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
