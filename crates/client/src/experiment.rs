//! Experiments: registration, base and comparison.

use bytes::Bytes;
use reqwest::Method;
use serde::Serialize;
use serde_json::{Map, Value};
use tidegate_model::Destination;
use tidegate_model::wire::objects::{
    BaseExperimentReply, BaseExperimentRequest, Named, RegisterExperiment, RegisterExperimentReply,
    RegisterProject, RegisterProjectReply,
};
use tidegate_model::wire::summary::ExperimentComparison;

use crate::error::ApiError;
use crate::git;
use crate::session::{Origin, Session};

/// What to register an experiment with.
#[derive(Debug, Clone, Default)]
pub struct ExperimentOptions {
    request: RegisterExperiment,
}

impl ExperimentOptions {
    /// Names the project, which is created if it is unknown.
    #[must_use]
    pub fn new(project: impl Into<String>) -> Self {
        let project_name = Some(project.into());
        Self { request: RegisterExperiment { project_name, ..RegisterExperiment::default() } }
    }

    /// Sets the wanted name; the server appends a suffix if it is taken, and invents one if
    /// none is given.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.request.experiment_name = Some(name.into());
        self
    }

    /// The wanted name, if there is one.
    #[must_use]
    pub fn wanted_name(&self) -> Option<&str> {
        self.request.experiment_name.as_deref()
    }

    /// Sets a description.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.request.description = Some(description.into());
        self
    }

    /// Continues an existing experiment of the same name instead of making a new one.
    #[must_use]
    pub fn update(mut self, update: bool) -> Self {
        self.request.update = update.then_some(true);
        self
    }

    /// Chooses the base of the comparison by name.
    #[must_use]
    pub fn base_experiment(mut self, name: impl Into<String>) -> Self {
        self.request.base_experiment = Some(name.into());
        self
    }

    /// Chooses the base of the comparison by id, which wins over a name.
    #[must_use]
    pub fn base_experiment_id(mut self, id: impl Into<String>) -> Self {
        self.request.base_exp_id = Some(id.into());
        self
    }

    /// Sets metadata.
    #[must_use]
    pub fn metadata(mut self, metadata: Map<String, Value>) -> Self {
        self.request.metadata = Some(metadata);
        self
    }

    /// Sets tags.
    #[must_use]
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.request.tags = Some(tags.into_iter().map(Into::into).collect());
        self
    }

    /// Names the dataset that the cases come from, and the version of it.
    #[must_use]
    pub fn dataset(mut self, id: impl Into<String>, version: Option<String>) -> Self {
        self.request.dataset_id = Some(id.into());
        self.request.dataset_version = version;
        self
    }

    /// Makes the experiment visible without a key.
    #[must_use]
    pub fn public(mut self, public: bool) -> Self {
        self.request.public = public.then_some(true);
        self
    }
}

/// A registered experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Experiment {
    /// UUID.
    pub id: String,
    /// Name in force, which may differ from the wanted one.
    pub name: String,
    /// The project it belongs to.
    pub project: Named,
    /// Where a browser shows it; `None` if the server's address lasts no longer than the run.
    pub url: Option<String>,
}

impl Experiment {
    /// Where its rows go.
    #[must_use]
    pub fn destination(&self) -> Destination {
        Destination::Experiment(self.id.clone())
    }
}

pub(crate) async fn register_project(session: &Session, name: String) -> Result<Named, ApiError> {
    let connected = session.connected().await?;
    let request =
        RegisterProject { project_name: Some(name), org_id: Some(connected.org.id.clone()) };
    let path = "api/project/register";
    let reply: RegisterProjectReply =
        session.json(Origin::App, Method::POST, path, Some(body(&request))).await?;
    Ok(reply.project)
}

pub(crate) async fn register(
    session: &Session,
    options: ExperimentOptions,
) -> Result<Experiment, ApiError> {
    let connected = session.connected().await?;
    let mut request = options.request;
    request.org_id = Some(connected.org.id.clone());
    if request.base_exp_id.is_some() {
        request.base_experiment = None;
    }
    let repository = git::Repository::read(connected.org.git_metadata.as_ref()).await;
    request.repo_info = repository.info;
    if request.base_exp_id.is_none() && request.base_experiment.is_none() {
        request.ancestor_commits = Some(repository.ancestors);
    }
    let path = "api/experiment/register";
    let send = |request: &RegisterExperiment| {
        session.json::<RegisterExperimentReply>(
            Origin::App,
            Method::POST,
            path,
            Some(body(request)),
        )
    };
    let reply = match send(&request).await {
        // The protocol's rule for a base that does not exist (any more): run without one.
        Err(ApiError::Status { status: 400..500, message, .. })
            if request.base_experiment.is_some()
                && message.to_lowercase().contains("base experiment") =>
        {
            request.base_experiment = None;
            send(&request).await?
        }
        reply => reply?,
    };
    let RegisterExperimentReply { project, experiment } = reply;
    let base = connected.link_base();
    let url = base.map(|base| link(&base, &project, "experiments", &experiment.name));
    Ok(Experiment { id: experiment.id, name: experiment.name, project, url })
}

/// The experiment that this one is compared with; a 400 means that there is none.
pub(crate) async fn base(session: &Session, id: String) -> Result<Option<Named>, ApiError> {
    let request = body(&BaseExperimentRequest { id });
    let path = "api/base_experiment/get_id";
    let reply = session.json(Origin::App, Method::POST, path, Some(request)).await;
    match reply {
        Ok(BaseExperimentReply { base_exp_id, base_exp_name }) => {
            Ok(Some(Named { id: base_exp_id, name: base_exp_name }))
        }
        Err(ApiError::Status { status: 400, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(crate) async fn comparison(
    session: &Session,
    id: String,
    base: Option<String>,
) -> Result<ExperimentComparison, ApiError> {
    let mut path = format!("experiment-comparison2?experiment_id={}", encode(&id));
    if let Some(base) = base {
        path.push_str("&base_experiment_id=");
        path.push_str(&encode(&base));
    }
    session.json(Origin::Api, Method::GET, &path, None).await
}

pub(crate) fn body<T: Serialize>(request: &T) -> Bytes {
    serde_json::to_vec(request).expect("requests hold nothing that JSON lacks").into()
}

/// The page of an object of a project; `kind` is `experiments` or `datasets`.
pub(crate) fn link(base: &str, project: &Named, kind: &str, name: &str) -> String {
    format!("{base}/p/{}/{kind}/{}", encode(&project.name), encode(name))
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_encoded() {
        let project = Named { id: "p".into(), name: "a/b".into() };
        assert_eq!(
            link("http://h/app/my%20org", &project, "experiments", "é?"),
            "http://h/app/my%20org/p/a%2Fb/experiments/%C3%A9%3F"
        );
    }
}
