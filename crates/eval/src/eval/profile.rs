//! The profile of a run, if one is asked for.

use std::error::Error as _;
use std::path::{Path, PathBuf};

use tidegate_client::{Client, Experiment, ProfileFile, ProfileKept, Profiling};
use tidegate_model::profile::Header;

use super::{Eval, Plan};
use crate::error::EvalError;

impl<I, O, E> Eval<I, O, E> {
    /// Writes a profile of the run to this file: spans, upload requests, waits, what is pending and
    /// processor time, on one monotonic clock whose zero is when the experiment is registered.
    /// None by default.
    ///
    /// The file is known to be writable before anything runs, and can be read while it grows; one
    /// that is there is replaced. It holds names of spans but nothing of what they record, at most
    /// 1 GiB. The format is described in `docs/profiles.md`. A disk that fails later costs the rest
    /// of the profile and is said, but does not disturb the run.
    ///
    /// A server that keeps profiles, as Tidegate's collector does, gets it when it is complete, for
    /// whoever looks at the experiment. That it does not is a warning.
    ///
    /// Only a run with a client has one, and a client records one at a time.
    pub fn profile(mut self, path: impl Into<PathBuf>) -> Self {
        self.plan.profile = Some(path.into());
        self
    }
}

/// Opens the file, before anything is made on the server.
pub(super) fn opened(plan: &Plan) -> Result<Option<ProfileFile>, EvalError> {
    let Some(path) = &plan.profile else { return Ok(None) };
    ProfileFile::open(path).map(Some).map_err(|source| failed(path, source))
}

/// Begins the profile, when it is known how the run is called.
pub(super) fn begun(
    file: Option<ProfileFile>,
    client: &Client,
    experiment: &Experiment,
    plan: &Plan,
) -> Result<Option<Profiling>, EvalError> {
    let Some(file) = file else { return Ok(None) };
    let path = file.path().to_owned();
    let header = Header {
        name: experiment.name.as_str().into(),
        max_concurrency: Some(u32::try_from(plan.max_concurrency).unwrap_or(u32::MAX)),
        ..Header::default()
    };
    client.record_profile(file, header).map(Some).map_err(|source| failed(&path, source))
}

/// Ends the profile after the flush; a warning if it is not complete. Where profiles are kept, it is
/// kept with its experiment.
pub(super) async fn ended(
    profiling: Option<Profiling>,
    client: &Client,
    experiment: &Experiment,
    plan: &Plan,
) -> Option<String> {
    if let Err(error) = profiling?.finish().await {
        return Some(format!("the profile is not complete: {error}"));
    }
    let path = plan.profile.as_ref()?;
    match client.upload_profile(&experiment.id, path).await {
        Ok(ProfileKept::TooLong { bytes, limit_bytes }) => Some(format!(
            "the profile has {bytes} bytes, and the server keeps no more than {limit_bytes}"
        )),
        Ok(_) => None,
        Err(error) => {
            let mut text = format!("the server has not kept the profile: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                text.push_str(&format!(": {error}"));
                cause = error.source();
            }
            Some(text)
        }
    }
}

fn failed(path: &Path, source: std::io::Error) -> EvalError {
    EvalError::Profile { path: path.to_owned(), source }
}
