//! Scorers that ask a language model, against a scripted endpoint on loopback.

mod bounds;
mod cache;
mod classifiers;
mod failures;
mod secrets;
mod support;
