//! Registering projects and experiments (the `/api/*/register` family).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Body of `POST /api/project/register`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RegisterProject {
    /// The server's default is `Global`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_name: Option<String>,
    /// Organisation of the login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_id: Option<String>,
}

/// Reply to `POST /api/project/register`; the project exists afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterProjectReply {
    /// The new or existing project.
    pub project: Named,
}

/// An object's id and name.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// UUID.
    pub id: String,
    /// Name, unique among its siblings.
    pub name: String,
}

/// Body of `POST /api/experiment/register`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RegisterExperiment {
    /// Organisation of the login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_id: Option<String>,
    /// Project by name, created if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_name: Option<String>,
    /// Project by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Wanted name; the reply carries the name in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment_name: Option<String>,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether an existing experiment of that name is continued instead of a new one made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<bool>,
    /// Git state of the code under evaluation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo_info: Option<RepoInfo>,
    /// Base of the comparison by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_exp_id: Option<String>,
    /// Base of the comparison by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_experiment: Option<String>,
    /// Commits, newest first, from which the server may choose a base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ancestor_commits: Option<Vec<String>>,
    /// Dataset the cases come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset_id: Option<String>,
    /// Transaction id of the dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset_version: Option<String>,
    /// Visible without a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<bool>,
    /// Free object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
    /// Labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}

/// Git state; every member is optional because settings may withhold it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepoInfo {
    /// Full hash of HEAD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Branch name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Tag at HEAD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Whether the work tree differs from HEAD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dirty: Option<bool>,
    /// Author of HEAD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author_name: Option<String>,
    /// Author of HEAD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author_email: Option<String>,
    /// Message of HEAD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit_message: Option<String>,
    /// ISO-8601 time of HEAD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit_time: Option<String>,
    /// Uncommitted changes as a diff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_diff: Option<String>,
}

/// Reply to `POST /api/experiment/register`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterExperimentReply {
    /// The project in force.
    pub project: Named,
    /// The experiment in force.
    pub experiment: Experiment,
}

/// An experiment as registration returns it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Experiment {
    /// UUID.
    pub id: String,
    /// Name in force; differs from the wanted one if that was taken.
    pub name: String,
    /// ISO-8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
}

/// Body of `POST /api/dataset/register`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RegisterDataset {
    /// Organisation of the login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_id: Option<String>,
    /// Project by name, created if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_name: Option<String>,
    /// Project by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// The server's default is `logs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset_name: Option<String>,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Free object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
}

/// Reply to `POST /api/dataset/register`; the dataset exists afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterDatasetReply {
    /// The project in force.
    pub project: Named,
    /// The new or existing dataset.
    pub dataset: Named,
}

/// Body of `POST /api/base_experiment/get_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseExperimentRequest {
    /// The experiment whose base is asked for.
    pub id: String,
}

/// Reply to `POST /api/base_experiment/get_id`; a 400 instead means that there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseExperimentReply {
    /// UUID of the base.
    pub base_exp_id: String,
    /// Name of the base.
    pub base_exp_name: String,
}
