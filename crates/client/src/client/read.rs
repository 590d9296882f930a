//! Finding experiments and reading them back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use tidegate_model::row::Row;

use super::Client;
use crate::attachment::{AttachmentReference, StoredAttachment};
use crate::error::ApiError;
use crate::experiment::encode;
use crate::outline::{self, RowPages, Select};
use crate::session::Origin;

/// An experiment as a server lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct FoundExperiment {
    /// UUID.
    pub id: String,
    /// Unique within its project.
    pub name: String,
    /// The project it belongs to.
    pub project_id: String,
    /// ISO-8601.
    #[serde(default)]
    pub created: Option<String>,
}

#[derive(Deserialize)]
struct Objects {
    objects: Vec<FoundExperiment>,
}

impl Client {
    /// What a reference of a row stands for; nothing is asked until it is read.
    ///
    /// ```no_run
    /// # async fn read(client: tidegate_client::Client, row: serde_json::Value) -> Result<(), tidegate_client::DownloadError> {
    /// use std::time::Duration;
    /// use tidegate_client::AttachmentReference;
    ///
    /// if let Some(reference) = AttachmentReference::of(&row["input"]["picture"]) {
    ///     let picture = client.attachment(reference);
    ///     picture.save("cat.png", Duration::from_secs(60)).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn attachment(&self, reference: AttachmentReference) -> StoredAttachment {
        StoredAttachment::new(self.clone(), reference)
    }

    /// Finds experiments of this name, at most one of each project; of one project if it is named.
    ///
    /// # Errors
    /// [`ApiError`] if the server cannot be reached or refuses.
    pub async fn find_experiments(
        &self,
        project: Option<&str>,
        name: &str,
    ) -> Result<Vec<FoundExperiment>, ApiError> {
        let mut path = format!("v1/experiment?experiment_name={}", encode(name));
        if let Some(project) = project {
            path.push_str("&project_name=");
            path.push_str(&encode(project));
        }
        let session = Arc::clone(self.session());
        self.on_thread(async move {
            let found: Objects = session.json(Origin::Api, Method::GET, &path, None).await?;
            Ok(found.objects)
        })
        .await
    }

    /// Finds a dataset by its project and name, and what links begin with.
    pub(crate) async fn find_dataset(
        &self,
        project: &str,
        name: &str,
    ) -> Result<Option<(FoundExperiment, Option<Arc<str>>)>, ApiError> {
        let (project, encoded) = (encode(project), encode(name));
        let path = format!("v1/dataset?project_name={project}&dataset_name={encoded}");
        let (session, name) = (Arc::clone(self.session()), name.to_owned());
        self.on_thread(async move {
            let base = session.connected().await?.link_base();
            let found: Objects = session.json(Origin::Api, Method::GET, &path, None).await?;
            let found = found.objects.into_iter().find(|found| found.name == name);
            Ok(found.map(|found| (found, base)))
        })
        .await
    }

    /// Finds an experiment by its id; `None` if there is none.
    ///
    /// # Errors
    /// [`ApiError`] if the server cannot be reached or refuses.
    pub async fn experiment_by_id(&self, id: &str) -> Result<Option<FoundExperiment>, ApiError> {
        let path = format!("v1/experiment/{}", encode(id));
        let session = Arc::clone(self.session());
        self.on_thread(async move {
            match session.json(Origin::Api, Method::GET, &path, None).await {
                Ok(found) => Ok(Some(found)),
                Err(ApiError::Status { status: 400 | 404, .. }) => Ok(None),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// Reads an experiment's rows, page by page, without their payloads: ids, place in the tree,
    /// `span_attributes`, `scores`, `metrics`, and of roots the `input`. That is what a
    /// comparison needs. The order is the server's.
    ///
    /// Call it after [`Client::flush`]. The deadline covers all pages; a page that fails in a way
    /// that may pass is asked for up to three times.
    ///
    /// # Errors
    /// [`ApiError`] if the server cannot be reached or refuses, or the deadline passed.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect on the server; the read goes on until the deadline.
    pub async fn experiment_outline(
        &self,
        id: &str,
        deadline: Duration,
    ) -> Result<Vec<Row>, ApiError> {
        let (session, id) = (Arc::clone(self.session()), id.to_owned());
        // Boxed: a read of pages is large, and this future is a part of that of every run.
        let read = Box::pin(async move { outline::read(&session, &id, deadline).await });
        self.on_thread(read).await
    }

    /// Reads an experiment's rows a page at a time, so that memory holds one page and not all.
    ///
    /// ```no_run
    /// # async fn example(client: tidegate_client::Client) -> Result<(), tidegate_client::ApiError> {
    /// use std::time::Duration;
    /// use tidegate_client::Select;
    ///
    /// let mut pages = client.experiment_pages("1f0c…", Select::Roots);
    /// while let Some(rows) = pages.next(Duration::from_secs(60)).await? {
    ///     for row in rows {
    ///         println!("{:?}", row.get("output"));
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn experiment_pages(&self, id: &str, select: Select) -> RowPages {
        RowPages::new(self.clone(), id, select)
    }

    /// Reads the whole root rows of some traces, given by their `root_span_id`, in the server's
    /// order; those that are not there are left out. Pages are read until all are found, and only
    /// the wanted rows are kept. The deadline covers all pages.
    ///
    /// # Errors
    /// [`ApiError`] if the server cannot be reached or refuses, or the deadline passed.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect on the server; the read goes on until the deadline.
    pub async fn experiment_roots(
        &self,
        id: &str,
        traces: BTreeSet<String>,
        deadline: Duration,
    ) -> Result<Vec<Row>, ApiError> {
        let (session, id) = (Arc::clone(self.session()), id.to_owned());
        let read = Box::pin(async move { outline::roots(&session, &id, traces, deadline).await });
        self.on_thread(read).await
    }
}
