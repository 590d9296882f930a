//! Datasets: cases that are kept on the server, with all their earlier states.

mod rows;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde::Serialize;
use serde_json::{Map, Value};
use tidegate_model::wire::objects::{Named, RegisterDataset, RegisterDatasetReply};
use tidegate_model::{Destination, RowId};

use crate::client::Client;
use crate::clock;
use crate::error::ApiError;
use crate::event::Event;
use crate::experiment::{body, encode, link};
use crate::json::Json;
use crate::outline::{RowPages, Select};
use crate::pipeline::row::DELETED;
use crate::record::{Head, Start};
use crate::recorder::Draft;
use crate::session::Origin;

pub use rows::{DatasetRow, DatasetRows};

/// What to open a dataset with.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct DatasetOptions {
    request: RegisterDataset,
    version: Option<String>,
}

impl DatasetOptions {
    /// Names the project and the dataset; both are created if they are unknown.
    pub fn new(project: impl Into<String>, name: impl Into<String>) -> Self {
        let request = RegisterDataset {
            project_name: Some(project.into()),
            dataset_name: Some(name.into()),
            ..RegisterDataset::default()
        };
        Self { request, version: None }
    }

    /// Sets a description.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.request.description = Some(description.into());
        self
    }

    /// Sets metadata.
    pub fn metadata(mut self, metadata: Map<String, Value>) -> Self {
        self.request.metadata = Some(metadata);
        self
    }

    /// Reads the dataset as it was at a version: see [`Dataset::version`]. Writing changes the
    /// latest one all the same.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }
}

/// A dataset on the server.
///
/// Writes go the way of all rows: they are queued, sent by the upload thread and covered by
/// [`Client::flush`]. They wait for room in the byte budget whatever the client's policy, since a
/// dropped row would leave the dataset without it.
///
/// ```no_run
/// # async fn teach(client: tidegate_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use tidegate_client::{Dataset, DatasetOptions, DatasetRecord};
///
/// let dataset = Dataset::init(&client, DatasetOptions::new("my-project", "questions")).await?;
/// let id = dataset.insert(DatasetRecord::new().input("2 + 2").expected(&4)).await;
/// dataset.update(&id, DatasetRecord::new().tags(["sums"])).await;
/// client.flush(Duration::from_secs(30)).await?;
///
/// let mut rows = dataset.fetch();
/// while let Some(page) = rows.next(Duration::from_secs(60)).await? {
///     for row in page {
///         println!("{}: {}", row.id, row.input);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Dataset {
    client: Client,
    destination: Arc<Destination>,
    name: String,
    project: Named,
    version: Option<String>,
    url: Option<String>,
}

/// A row to write. What is not set is absent in a new row, and stays as it is in an old one.
#[derive(Debug, Default)]
#[must_use]
pub struct DatasetRecord {
    id: Option<RowId>,
    event: Event,
}

impl DatasetRecord {
    /// Makes a row in which nothing is set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the id; a time-ordered UUID by default. An inserted row replaces the one of its id.
    pub fn id(mut self, id: impl AsRef<str>) -> Self {
        self.id = Some(RowId::from(id.as_ref()));
        self
    }

    /// Sets the input.
    pub fn input<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        self.event = self.event.input(value);
        self
    }

    /// Sets the expected output.
    pub fn expected<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        self.event = self.event.expected(value);
        self
    }

    /// Sets metadata, which must serialize to an object; an update merges it with what is there.
    pub fn metadata<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        self.event = self.event.metadata(value);
        self
    }

    /// Adds tags; a row keeps each once.
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.event = self.event.tags(tags);
        self
    }

    /// Sets which row of another object this one was made of, as the protocol's `origin` object.
    pub fn origin(mut self, origin: &Value) -> Self {
        self.event = self.event.field("origin", origin);
        self
    }
}

impl Dataset {
    /// Finds or creates a dataset.
    ///
    /// # Errors
    /// [`ApiError`] if the server cannot be reached or refuses.
    pub async fn init(client: &Client, options: DatasetOptions) -> Result<Self, ApiError> {
        let DatasetOptions { mut request, version } = options;
        let session = Arc::clone(client.session());
        let register = Box::pin(async move {
            let connected = session.connected().await?;
            request.org_id = Some(connected.org.id.clone());
            let (path, request) = ("api/dataset/register", Some(body(&request)));
            let reply: RegisterDatasetReply =
                session.json(Origin::App, Method::POST, path, request).await?;
            Ok((reply, connected.link_base()))
        });
        let (RegisterDatasetReply { project, dataset }, base) = client.on_thread(register).await?;
        let url = base.map(|base| link(&base, &project, "datasets", &dataset.name));
        let destination = Arc::new(Destination::Dataset(dataset.id));
        Ok(Self { client: client.clone(), destination, name: dataset.name, project, version, url })
    }

    /// Finds a dataset by its project and name; `None` if there is none.
    ///
    /// # Errors
    /// [`ApiError`] if the server cannot be reached or refuses.
    pub async fn open(
        client: &Client,
        project: &str,
        name: &str,
    ) -> Result<Option<Self>, ApiError> {
        let found = client.find_dataset(project, name).await?;
        Ok(found.map(|(found, base)| {
            let project = Named { id: found.project_id, name: project.to_owned() };
            let url = base.map(|base| link(&base, &project, "datasets", &found.name));
            let destination = Arc::new(Destination::Dataset(found.id));
            let client = client.clone();
            Self { client, destination, name: found.name, project, version: None, url }
        }))
    }

    /// The UUID.
    #[must_use]
    pub fn id(&self) -> &str {
        self.destination.object_id()
    }

    /// The name, unique within the project.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The project.
    #[must_use]
    pub fn project(&self) -> &Named {
        &self.project
    }

    /// Where a browser shows it; `None` if the server's address lasts no longer than the run.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// The client that it is read and written through.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Writes a row and returns its id. One that is there under this id is replaced.
    ///
    /// # Cancel safety
    /// Dropping the future before it completes writes nothing.
    pub async fn insert(&self, record: DatasetRecord) -> String {
        let row_id = record.id.unwrap_or_default();
        let id = row_id.to_string();
        self.record(row_id, true, record.event).await;
        id
    }

    /// Changes a row: what is set is merged into it. One that is not there is created.
    ///
    /// # Cancel safety
    /// Dropping the future before it completes writes nothing.
    pub async fn update(&self, id: &str, record: DatasetRecord) {
        self.record(RowId::from(id), false, record.event).await;
    }

    /// Deletes a row. Versions from before keep it.
    ///
    /// # Cancel safety
    /// Dropping the future before it completes deletes nothing.
    pub async fn delete(&self, id: &str) {
        let mut event = Event::new();
        event.raw.push((DELETED.into(), Json::or_text(&true)));
        self.record(RowId::from(id), true, event).await;
    }

    async fn record(&self, row_id: RowId, is_new: bool, event: Event) {
        let head = Head::detached(Arc::clone(&self.destination), row_id, None);
        let start = is_new.then(|| Start { at: clock::wall(), monotonic: None, span: None });
        let draft = Draft { head, start, end: None, event };
        self.client.recorder().record_waiting(draft).await;
    }

    /// Reads the rows, a page at a time, so that memory holds one page and not all: at the version
    /// that is set, or else the latest. Call it after [`Client::flush`].
    #[must_use]
    pub fn fetch(&self) -> DatasetRows {
        let path = format!("v1/dataset/{}/fetch", encode(self.id()));
        let pages = RowPages::at(self.client.clone(), path, Select::Roots, self.version.clone());
        DatasetRows::new(pages, Arc::clone(&self.destination))
    }

    /// The version that is read, if it is set.
    #[must_use]
    pub fn pinned_version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Sets the version that is read, for all later reads through this value.
    #[must_use]
    pub fn at(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// A version at which the dataset reads as it does now: the one that is set, or else the last
    /// transaction of the server. `None` if a server that does not tell it has no row in the
    /// dataset. Call it after [`Client::flush`].
    ///
    /// # Errors
    /// [`ApiError`] if the server cannot be reached or refuses.
    pub async fn version(&self) -> Result<Option<String>, ApiError> {
        if let Some(version) = &self.version {
            return Ok(Some(version.clone()));
        }
        let session = Arc::clone(self.client.session());
        let last = self.client.on_thread(async move { session.text(Origin::Api, "xact-id").await });
        match last.await {
            Ok(last) => Ok(Some(last.trim().to_owned())),
            Err(ApiError::Status { status: 400 | 404 | 405, .. }) => self.newest_row().await,
            Err(error) => Err(error),
        }
    }

    /// As the published SDKs know a version: the newest of all rows.
    async fn newest_row(&self) -> Result<Option<String>, ApiError> {
        let mut rows = self.fetch();
        let mut newest = None;
        while let Some(page) = rows.next(PAGE_TIMEOUT).await? {
            newest = page.into_iter().filter_map(|row| row.xact_id).chain(newest).max();
        }
        Ok(newest)
    }

    /// How many rows there are, at the latest version. Call it after [`Client::flush`].
    ///
    /// # Errors
    /// [`ApiError`] if the server cannot be reached or refuses.
    pub async fn summarize(&self) -> Result<DatasetSummary, ApiError> {
        let path = format!("dataset-summary?dataset_id={}", encode(self.id()));
        let session = Arc::clone(self.client.session());
        let read = async move { session.json(Origin::Api, Method::GET, &path, None).await };
        let Counted { total_records } = self.client.on_thread(read).await?;
        Ok(DatasetSummary {
            project_name: self.project.name.clone(),
            dataset_name: self.name.clone(),
            dataset_url: self.url.clone(),
            total_records,
        })
    }
}

/// For one page, where the caller names no deadline.
const PAGE_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(serde::Deserialize)]
struct Counted {
    total_records: u64,
}

/// What [`Dataset::summarize`] gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DatasetSummary {
    /// Name of the project.
    pub project_name: String,
    /// Name of the dataset.
    pub dataset_name: String,
    /// Where a browser shows it.
    pub dataset_url: Option<String>,
    /// Rows that are there.
    pub total_records: u64,
}
