//! The trace of the other programs, in Rust.

use std::collections::HashMap;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry::trace::{Span as _, SpanKind, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Array, Context, InstrumentationScope, KeyValue, Value};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;

fn list(text: &'static str) -> Value {
    Value::Array(Array::String(vec![text.into()]))
}

/// Sends the trace to the logs of a project.
pub(super) fn send(url: &str, project: &str) {
    // The exporter brings none; an error says that one is installed already.
    rustls::crypto::ring::default_provider().install_default().ok();
    let parent = format!("project_name:{project}");
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{url}/otel/v1/traces"))
        .with_headers(HashMap::from([("x-bt-parent".to_owned(), parent)]))
        .build()
        .expect("an exporter");
    let resource = Resource::builder().with_service_name("shop").build();
    let provider =
        SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
    let scope = InstrumentationScope::builder("agent").with_version("1.2").build();
    let tracer = provider.tracer_with_scope(scope);

    let root = tracer
        .span_builder("request")
        .with_attributes([
            KeyValue::new("input.value", r#"{"question": "weather?"}"#),
            KeyValue::new("input.mime_type", "application/json"),
            KeyValue::new("openinference.span.kind", "CHAIN"),
            KeyValue::new("tag.tags", list("production")),
        ])
        .start_with_context(&tracer, &Context::new());
    let below = Context::new().with_span(root);
    let asked = r#"[{"role": "user", "parts": [{"type": "text", "content": "weather?"}]}]"#;
    let said = r#"[{"role": "assistant", "parts": [{"type": "text", "content": "rain"}]}]"#;
    tracer
        .span_builder("chat m-1")
        .with_kind(SpanKind::Client)
        .with_attributes([
            KeyValue::new("gen_ai.operation.name", "chat"),
            KeyValue::new("gen_ai.provider.name", "openai"),
            KeyValue::new("gen_ai.request.model", "m-1"),
            KeyValue::new("gen_ai.request.temperature", 0.5),
            KeyValue::new("gen_ai.response.finish_reasons", list("stop")),
            KeyValue::new("gen_ai.usage.input_tokens", 12),
            KeyValue::new("gen_ai.usage.output_tokens", 3),
            KeyValue::new("gen_ai.input.messages", asked),
            KeyValue::new("gen_ai.output.messages", said),
        ])
        .start_with_context(&tracer, &below)
        .end();
    let mut tool = tracer
        .span_builder("tool")
        .with_attributes([
            KeyValue::new("openinference.span.kind", "TOOL"),
            KeyValue::new("llm.input_messages.0.message.role", "user"),
            KeyValue::new("llm.input_messages.0.message.content", "Paris"),
        ])
        .start_with_context(&tracer, &below);
    let exception = vec![
        KeyValue::new("exception.type", "ValueError"),
        KeyValue::new("exception.message", "no such city"),
        KeyValue::new("exception.stacktrace", "at tool"),
    ];
    tool.add_event("exception", exception);
    tool.set_status(Status::error("no such city"));
    tool.end();
    below.span().end();
    provider.shutdown().expect("everything is delivered");
}
