//! The task of an evaluation, ready to be called.

mod chat;
mod group;
mod http;
mod lookup;
mod program;
mod reply;
mod worker;

use std::sync::Arc;

use serde_json::{Value, json};
use tidegate_eval::{Context, TaskError};

pub(crate) use lookup::program as find_program;
pub(crate) use program::Caller;
pub(crate) use reply::Reply;

use super::file::Task;
use super::plan::Evaluation;
use crate::env::Environment;
use crate::exit::Failure;

/// Where models are unless the file or the environment says otherwise.
const BASE_URL: &str = "https://api.openai.com/v1";

#[derive(Debug, Clone)]
pub(crate) struct Ready {
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Program(Arc<Caller>),
    Http(Arc<http::Endpoint>),
    Chat(Arc<chat::Model>),
}

impl Ready {
    /// Finds programs, keys and variables; nothing is started or sent.
    pub(crate) fn new(
        evaluation: &Evaluation,
        environment: &Environment,
        max_concurrency: usize,
    ) -> Result<Self, Failure> {
        let file = &evaluation.file;
        let kind = match &evaluation.task {
            Task::Program(program, _) => Caller::new(
                program,
                &file.source,
                &file.directory,
                &evaluation.parameters,
                environment,
            )
            .map(Kind::Program),
            Task::Http(http, _) => {
                http::Endpoint::new(http, &file.source, environment).map(Arc::new).map(Kind::Http)
            }
            Task::Chat(chat) => chat::Model::new(chat, file, environment, max_concurrency)
                .map(Arc::new)
                .map(Kind::Chat),
        };
        let kind = kind.map_err(super::file::Fault::failure)?;
        Ok(Self { kind })
    }

    /// Runs the task on a case. What it says of itself goes to its span and its metadata.
    ///
    /// # Cancel safety
    /// Dropping it ends the process that has the case, or the request.
    pub(crate) async fn call(&self, input: &Value, cx: &Context) -> Result<Value, TaskError> {
        let request = request(input, cx);
        let reply = match &self.kind {
            Kind::Program(program) => program.call(&request).await?,
            Kind::Http(endpoint) => endpoint.call(&request).await?,
            Kind::Chat(model) => model.call(&request).await?,
        };
        for (name, value) in &reply.metadata {
            cx.set_metadata(name.clone(), value);
        }
        for (name, value) in reply.metrics {
            cx.add_metric(name, value);
        }
        Ok(reply.output)
    }

    pub(crate) async fn close(&self) {
        if let Kind::Program(program) = &self.kind {
            program.close().await;
        }
    }
}

/// What a task is told. Not what is expected: a task that sees the answer proves nothing.
fn request(input: &Value, cx: &Context) -> Value {
    let mut request = json!({"input": input});
    if let Some(id) = cx.case_id() {
        request["id"] = id.into();
    }
    if !cx.tags().is_empty() {
        request["tags"] = json!(cx.tags());
    }
    let mut metadata = cx.metadata();
    // The runner's own copy of the id.
    metadata.remove("case_id");
    if !metadata.is_empty() {
        request["metadata"] = Value::Object(metadata);
    }
    request["trial"] = cx.trial().into();
    if !cx.parameters().is_empty() {
        request["parameters"] = Value::Object(cx.parameters().clone());
    }
    request
}

/// Key and base URL of a model. A variable that the file names must be set; the usual one need not,
/// since local endpoints ask for no key.
pub(crate) fn endpoint(
    source: &super::file::Source,
    base_url: Option<&String>,
    key: Option<&(String, super::file::Place)>,
    environment: &Environment,
) -> Result<(String, Option<String>), super::file::Fault> {
    let base = base_url.cloned().or_else(|| environment.get("OPENAI_BASE_URL"));
    let key = match key {
        Some((variable, place)) => Some(environment.get(variable).ok_or_else(|| {
            let message = format!("the variable {variable} is not set");
            source.fault(*place, message, "set it in the environment, or in --env-file")
        })?),
        None => environment.get("OPENAI_API_KEY"),
    };
    Ok((base.unwrap_or_else(|| BASE_URL.to_owned()), key))
}

/// An error with its causes, on one line.
fn chain(error: impl std::error::Error + Send + Sync + 'static) -> String {
    format!("{:#}", anyhow::Error::from(error))
}
