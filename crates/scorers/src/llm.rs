//! Scorers that ask a language model.
//!
//! A [`Judge`] is a connection to an endpoint that speaks OpenAI's chat completions: it bounds how
//! many requests are under way, repeats what can succeed, caches answers, and never shows its key.
//! An [`LlmClassifier`] asks it one question with a fixed set of answers; nine are ready:
//! [`battle`], [`closed_qa`], [`factuality`], [`humor`], [`possible`], [`security`], [`sql`],
//! [`summary`] and [`translation`]. [`PairwiseJudge`] compares two texts in both orders, and
//! [`EmbeddingSimilarity`] compares their embeddings.
//!
//! Each answer says what it used, so that a caller can put tokens and cost on a scorer's span.
//! Nothing here records anything by itself.
//!
//! ```no_run
//! use serde_json::json;
//! use tidegate_scorers::llm::{Config, Judge, factuality};
//!
//! # async fn example(key: String) -> Result<(), Box<dyn std::error::Error>> {
//! let judge = Judge::new(Config::new("https://api.openai.com/v1", "gpt-5-mini").api_key(key))?;
//! let verdict = factuality(&judge)
//!     .score(json!({
//!         "input": "Who wrote the first program?",
//!         "output": "Ada Lovelace, in 1843",
//!         "expected": "Ada Lovelace",
//!     }))
//!     .await?;
//! println!("{} {:?} {:?}", verdict.score, verdict.choice, verdict.rationale);
//! for (name, value) in verdict.metrics() {
//!     println!("{name} {value}");
//! }
//! # Ok(())
//! # }
//! ```

mod backoff;
mod cache;
mod chat;
mod classifier;
mod clock;
mod config;
mod disk;
mod embed;
mod error;
mod http;
mod judge;
mod pairwise;
mod ready;
mod template;
mod turns;
mod usage;

pub use chat::{ChatReply, Message};
pub use classifier::{LlmClassifier, Verdict};
pub use config::{Config, ConfigError};
pub use embed::{EmbeddingSimilarity, Similarity};
pub use error::LlmError;
pub use http::{client_builder, retry_after};
pub use judge::{Judge, Served, Stats};
pub use pairwise::{Agreement, PairVerdict, PairwiseJudge};
pub use ready::{
    battle, closed_qa, factuality, humor, possible, security, sql, summary, translation,
};
pub use template::Template;
pub use tidegate_model::price::{LongPrompt, Price, Prices};
pub use usage::Usage;
