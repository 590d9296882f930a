//! Chat models with an OpenAI-compatible endpoint.

use serde_json::Value;
use tidegate_eval::TaskError;
use tidegate_scorers::llm::{Config, Judge, Message, Template};

use super::{Reply, chain, endpoint};
use crate::commands::eval::file::{Chat, EvalFile, Fault};
use crate::env::Environment;

#[derive(Debug)]
pub(crate) struct Model {
    model: Judge,
    system: Option<Template>,
    prompt: Template,
    max_tokens: Option<u32>,
}

impl Model {
    pub(super) fn new(
        chat: &Chat,
        file: &EvalFile,
        environment: &Environment,
        max_concurrency: usize,
    ) -> Result<Self, Fault> {
        let source = &file.source;
        let (base, key) =
            endpoint(source, chat.base_url.as_ref(), chat.api_key_env.as_ref(), environment)?;
        // Every trial asks anew, and the runner does the retries, which it counts and records.
        let mut config = Config::new(base, chat.model.clone().unwrap_or_default())
            .temperature(chat.temperature)
            .timeout(chat.timeout)
            .max_concurrency(max_concurrency)
            .max_tries(1)
            .cache_bytes(0)
            .prices(file.prices.clone());
        if let Some(key) = key {
            config = config.api_key(key);
        }
        let fault = |message: String| source.fault(chat.place, message, "correct the task");
        let model = Judge::new(config).map_err(|error| fault(error.to_string()))?;
        let prompt =
            chat.prompt.as_ref().ok_or_else(|| fault("the task has no prompt".to_owned()))?;
        Ok(Self {
            model,
            system: chat.system.as_ref().map(|system| system.template.clone()),
            prompt: prompt.template.clone(),
            max_tokens: chat.max_tokens,
        })
    }

    /// # Cancel safety
    /// Dropping it drops the request.
    pub(super) async fn call(&self, request: &Value) -> Result<Reply, TaskError> {
        let render = |template: &Template| template.render(request).map_err(TaskError::new);
        let mut messages = Vec::new();
        if let Some(system) = &self.system {
            messages.push(Message::system(render(system)?));
        }
        messages.push(Message::user(render(&self.prompt)?));
        let reply = self.model.chat(&messages, self.max_tokens).await.map_err(|error| {
            let (retryable, wait) = (error.is_retryable(), error.retry_after());
            let message = chain(error);
            match (retryable, wait) {
                (false, _) => TaskError::new(message),
                (true, None) => TaskError::retryable(message),
                (true, Some(wait)) => TaskError::retryable(message).retry_after(wait),
            }
        })?;
        let metrics = reply.metrics();
        let mut answer = Reply::plain(reply.text.into());
        answer.metrics =
            metrics.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if let Some(reason) = reply.finish_reason.filter(|reason| reason != "stop") {
            answer.metadata.insert("finish_reason".to_owned(), reason.into());
        }
        Ok(answer)
    }
}
