//! Published clients against the real binary. What they leave unmodified is the point: only
//! `BRAINTRUST_APP_URL` and `BRAINTRUST_API_KEY` are set. And our statistics against published ones.

mod as_dataset;
mod clients;
mod comparison;
mod feedback;
mod javascript;
mod python;
mod scorers;
mod spans;
mod statistics;
mod stored;
