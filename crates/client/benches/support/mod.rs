//! What both benches record: about 1 KB as JSON, from a struct as programs have them.

use serde::Serialize;
use tidegate_client::bench::{Records, Stages};

#[derive(Serialize)]
pub(crate) struct Payload {
    model: &'static str,
    temperature: f64,
    messages: Vec<Message>,
}

#[derive(Serialize)]
struct Message {
    role: &'static str,
    content: String,
}

pub(crate) fn payload() -> Payload {
    let content = "the tide turns at the gate; ".repeat(12);
    let message = |role| Message { role, content: content.clone() };
    Payload {
        model: "bench",
        temperature: 0.2,
        messages: ["system", "user", "assistant"].map(message).into(),
    }
}

/// Start, event and end of so many spans.
pub(crate) fn records(spans: usize) -> Records {
    let (stages, payload) = (Stages::default(), payload());
    for _ in 0..spans {
        stages.span(&payload);
    }
    stages.take()
}
