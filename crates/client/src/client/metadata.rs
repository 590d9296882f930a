//! Metadata of an experiment after its registration, which several processes may write.

use std::sync::Arc;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tidegate_model::wire::objects::Named;

use super::Client;
use crate::error::ApiError;
use crate::experiment::{body, encode, link};
use crate::session::Origin;

#[derive(Deserialize)]
struct Described {
    metadata: Option<Map<String, Value>>,
}

impl Client {
    /// Reads the metadata of an experiment by its id; empty if it has none.
    ///
    /// # Errors
    /// [`ApiError`] if the server cannot be reached or refuses, or knows no such experiment.
    pub async fn experiment_metadata(&self, id: &str) -> Result<Map<String, Value>, ApiError> {
        self.described(id, None).await
    }

    /// Merges members into the metadata of an experiment: objects into objects, at any depth, and
    /// anything else replaces what was there. The server does so in one step, so that processes
    /// which write members of their own do not lose those of each other. Returns the metadata as it
    /// is then.
    ///
    /// # Errors
    /// [`ApiError`] if the server cannot be reached or refuses, or knows no such experiment.
    pub async fn merge_experiment_metadata(
        &self,
        id: &str,
        members: Map<String, Value>,
    ) -> Result<Map<String, Value>, ApiError> {
        self.described(id, Some(json!({"metadata": members}))).await
    }

    async fn described(
        &self,
        id: &str,
        changes: Option<Value>,
    ) -> Result<Map<String, Value>, ApiError> {
        let path = format!("v1/experiment/{}", encode(id));
        let session = Arc::clone(self.session());
        self.on_thread(async move {
            let (method, body) = match changes {
                Some(changes) => (Method::PATCH, Some(body(&changes))),
                None => (Method::GET, None),
            };
            let found: Described = session.json(Origin::Api, method, &path, body).await?;
            Ok(found.metadata.unwrap_or_default())
        })
        .await
    }

    /// Where a browser shows an experiment of this name; `None` if the server has no pages whose
    /// address lasts.
    ///
    /// # Errors
    /// [`ApiError`] if the server cannot be reached or refuses.
    pub async fn experiment_url(
        &self,
        project: &Named,
        name: &str,
    ) -> Result<Option<String>, ApiError> {
        let session = Arc::clone(self.session());
        let (project, name) = (project.clone(), name.to_owned());
        self.on_thread(async move {
            let base = session.connected().await?.link_base();
            Ok(base.map(|base| link(&base, &project, "experiments", &name)))
        })
        .await
    }
}
