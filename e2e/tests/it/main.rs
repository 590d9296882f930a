//! Published clients against the real binary. What they leave unmodified is the point: only
//! `BRAINTRUST_APP_URL` and `BRAINTRUST_API_KEY` are set. OpenTelemetry's exporters, our statistics
//! against published ones, viewers of profiles with what we export, and collectors with a bucket.

mod as_dataset;
mod attachments;
mod clients;
mod comparison;
mod datasets;
mod feedback;
mod javascript;
mod links;
mod openapi;
mod otlp;
mod overflow;
mod prompts;
mod python;
mod recorded;
mod s3;
mod scorers;
mod served_prompts;
mod slugs;
mod spans;
mod statistics;
mod stored;
mod viewers;
mod web;
mod web_live;
mod web_pages;
