//! What other tests rely on.

mod postgres;
