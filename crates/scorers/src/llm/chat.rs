//! A plain chat: messages in, a text out.

use serde::Serialize;
use serde_json::{Value, json};

use super::LlmError;
use super::judge::{Judge, Served};
use super::usage::Usage;

/// One message of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// The text.
    pub content: String,
}

impl Message {
    /// What the operator of the model says.
    #[must_use]
    pub fn system(content: impl Into<String>) -> Self {
        Self { role: "system".to_owned(), content: content.into() }
    }

    /// What its user says.
    #[must_use]
    pub fn user(content: impl Into<String>) -> Self {
        Self { role: "user".to_owned(), content: content.into() }
    }
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ChatReply {
    /// The text.
    pub text: String,
    /// Why the model stopped, such as `stop` or `length`, if the endpoint says.
    pub finish_reason: Option<String>,
    /// Tokens that this call used: none if the answer was cached.
    pub usage: Usage,
    /// Estimated cost of this call, if the model has a price: 0 if the answer was cached.
    pub cost: Option<f64>,
    /// Where the answer came from.
    pub served: Served,
}

impl ChatReply {
    /// As [`Verdict::metrics`](super::Verdict::metrics).
    #[must_use]
    pub fn metrics(&self) -> Vec<(&'static str, f64)> {
        self.usage.metrics(self.cost)
    }
}

impl Judge {
    /// Asks for the next message of a chat, of at most `max_tokens` tokens.
    ///
    /// Cached like every answer: set [`Config::cache_bytes`](super::Config::cache_bytes) to 0 where
    /// equal chats are to be answered anew.
    ///
    /// # Errors
    /// See [`LlmError`]; [`LlmError::Reply`] also for an answer without text.
    ///
    /// # Cancel safety
    /// Dropping it drops the request; nothing is cached then.
    ///
    /// ```no_run
    /// use tidegate_scorers::llm::{Config, Judge, Message};
    ///
    /// # async fn example(key: String) -> Result<(), Box<dyn std::error::Error>> {
    /// let model = Judge::new(Config::new("https://api.openai.com/v1", "gpt-5-mini").api_key(key))?;
    /// let reply = model.chat(&[Message::user("Who wrote the first program?")], None).await?;
    /// println!("{} ({} tokens)", reply.text, reply.usage.tokens());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn chat(
        &self,
        messages: &[Message],
        max_tokens: Option<u32>,
    ) -> Result<ChatReply, LlmError> {
        let mut body = json!({"model": self.model(), "messages": messages});
        if let Some(temperature) = self.temperature() {
            body["temperature"] = json!(temperature);
        }
        if let Some(most) = max_tokens {
            body["max_tokens"] = json!(most);
        }
        let ((text, finish_reason, usage), served) =
            self.ask("chat/completions", &body, read).await?;
        // A cached answer was paid for by the call that got it.
        let usage = if served == Served::Model { usage } else { Usage::default() };
        Ok(ChatReply { text, finish_reason, usage, cost: self.cost(usage), served })
    }
}

fn read(reply: &Value) -> Result<(String, Option<String>, Usage), LlmError> {
    let wrong = |what: &str| LlmError::Reply { what: what.to_owned() };
    let choice = reply.pointer("/choices/0").ok_or_else(|| wrong("no choice"))?;
    let text = choice.pointer("/message/content").and_then(Value::as_str);
    let text = text.ok_or_else(|| wrong("a message without text"))?;
    let reason = choice.get("finish_reason").and_then(Value::as_str).map(str::to_owned);
    Ok((text.to_owned(), reason, Usage::of(reply)))
}
