//! Ways in: what is instrumented already is recorded, over real sockets.

mod blocking;
mod llm_calls;
mod llm_faults;
mod llm_spec;
mod support;
mod tracing_layer;
