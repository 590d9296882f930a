//! What other tests rely on.

mod postgres;
mod s3;
