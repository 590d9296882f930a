//! A program that is instrumented with `opentelemetry` sends its traces over OTLP: no code of this
//! SDK, only an address and a header.
//!
//! ```sh
//! cargo run --example otlp
//! ```
//!
//! The collector here is in the program, so that nothing else need run. Beside a `tidegate serve`
//! the exporter alone is enough, and it may be in any language (docs/otlp.md).

use std::collections::HashMap;
use std::io::Write as _;

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, TraceContextExt as _, Tracer, TracerProvider as _};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tidegate::blocking;

/// Sends to the logs of the project `ways-in`. With a key there would be an `authorization` too.
fn provider(url: &str) -> Result<SdkTracerProvider, Box<dyn std::error::Error>> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{url}/otel/v1/traces"))
        .with_headers(HashMap::from([("x-bt-parent".into(), "project_name:ways-in".into())]))
        .build()?;
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).build())
}

/// The attributes are those of the GenAI conventions; they become input, output and token counts.
fn ask(tracer: &impl Tracer, question: &str) -> &'static str {
    let mut span = tracer.start("chat stand-in");
    let answer = "It is Lima.";
    span.set_attributes([
        KeyValue::new("gen_ai.operation.name", "chat"),
        KeyValue::new("gen_ai.request.model", "stand-in"),
        KeyValue::new("gen_ai.usage.input_tokens", 14),
        KeyValue::new("gen_ai.usage.output_tokens", 4),
        KeyValue::new("gen_ai.prompt", question.to_owned()),
        KeyValue::new("gen_ai.completion", answer),
    ]);
    span.end();
    answer
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    rustls::crypto::ring::default_provider().install_default().ok();
    let connection = blocking::connect()?;
    let client = connection.client();
    let url = client.wait(client.login())?.api_url.ok_or("the server has no address")?;
    let provider = provider(&url)?;

    let tracer = provider.tracer("ways-in");
    let answer = tracer.in_span("question", |context| {
        let answer = ask(&tracer, "What is the capital of Peru?");
        context.span().set_attribute(KeyValue::new("output.value", answer));
        answer
    });
    let mut out = std::io::stdout();
    writeln!(out, "{answer}")?;
    // An error if the collector did not take them.
    provider.force_flush()?;
    provider.shutdown()?;
    writeln!(out, "2 spans delivered")?;
    drop(client);
    connection.close()?;
    Ok(())
}
