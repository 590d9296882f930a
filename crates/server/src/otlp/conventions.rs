//! Which attribute means what. `docs/otlp.md` explains the tables and names their sources; a test
//! holds the two together.

/// Attributes that are numbers, and the member of `metrics` that they become. Of several for one
/// member the first counts; the others stay in the metadata.
pub(super) const METRICS: [(&str, &str); 26] = [
    ("gen_ai.usage.input_tokens", "prompt_tokens"),
    ("gen_ai.usage.prompt_tokens", "prompt_tokens"),
    ("llm.token_count.prompt", "prompt_tokens"),
    ("gen_ai.usage.output_tokens", "completion_tokens"),
    ("gen_ai.usage.completion_tokens", "completion_tokens"),
    ("llm.token_count.completion", "completion_tokens"),
    ("gen_ai.usage.total_tokens", "tokens"),
    ("llm.usage.total_tokens", "tokens"),
    ("llm.token_count.total", "tokens"),
    ("gen_ai.usage.cache_read.input_tokens", "prompt_cached_tokens"),
    ("gen_ai.usage.cache_read_input_tokens", "prompt_cached_tokens"),
    ("llm.token_count.prompt_details.cache_read", "prompt_cached_tokens"),
    ("gen_ai.usage.cache_write.input_tokens", "prompt_cache_creation_tokens"),
    ("gen_ai.usage.cache_creation.input_tokens", "prompt_cache_creation_tokens"),
    ("gen_ai.usage.cache_creation_input_tokens", "prompt_cache_creation_tokens"),
    ("llm.token_count.prompt_details.cache_write", "prompt_cache_creation_tokens"),
    ("gen_ai.usage.reasoning.output_tokens", "completion_reasoning_tokens"),
    ("llm.token_count.completion_details.reasoning", "completion_reasoning_tokens"),
    ("gen_ai.usage.audio.input_tokens", "prompt_audio_tokens"),
    ("llm.token_count.prompt_details.audio", "prompt_audio_tokens"),
    ("gen_ai.usage.audio.output_tokens", "completion_audio_tokens"),
    ("llm.token_count.completion_details.audio", "completion_audio_tokens"),
    ("gen_ai.response.time_to_first_chunk", "time_to_first_token"),
    ("gen_ai.usage.cost", "estimated_cost"),
    ("gen_ai.usage.total_cost", "estimated_cost"),
    ("llm.cost.total", "estimated_cost"),
];

/// Attributes and the member of `metadata` that they become; as with [`METRICS`].
pub(super) const METADATA: [(&str, &str); 20] = [
    ("gen_ai.response.model", "model"),
    ("llm.response.model_name", "model"),
    ("gen_ai.request.model", "model"),
    ("llm.model_name", "model"),
    ("llm.request.model_name", "model"),
    ("embedding.model_name", "model"),
    ("reranker.model_name", "model"),
    ("gen_ai.provider.name", "provider"),
    ("gen_ai.system", "provider"),
    ("llm.provider", "provider"),
    ("llm.system", "provider"),
    ("gen_ai.request.temperature", "temperature"),
    ("gen_ai.request.top_p", "top_p"),
    ("gen_ai.request.top_k", "top_k"),
    ("gen_ai.request.max_tokens", "max_tokens"),
    ("gen_ai.request.frequency_penalty", "frequency_penalty"),
    ("gen_ai.request.presence_penalty", "presence_penalty"),
    ("gen_ai.request.seed", "seed"),
    ("gen_ai.request.stop_sequences", "stop"),
    ("gen_ai.request.choice.count", "n"),
];

/// How an attribute holds a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is.
    Plain,
    /// JSON in a text, or written out.
    Json,
    /// A text that is JSON if the attribute of this name says so.
    Media(&'static str),
    /// A list, flat: `name.0.role` and so on.
    List,
}

/// What becomes `input`: the first that is there.
pub(super) const INPUT: &[(&str, Form)] = &[
    ("gen_ai.input.messages", Form::Json),
    ("gen_ai.prompt_json", Form::Json),
    ("gen_ai.prompt", Form::List),
    ("gen_ai.prompt", Form::Plain),
    ("llm.input_messages", Form::List),
    ("llm.prompts", Form::List),
    ("input.value", Form::Media("input.mime_type")),
    ("gen_ai.tool.call.arguments", Form::Json),
    ("gen_ai.retrieval.query.text", Form::Plain),
    ("reranker.query", Form::Plain),
    ("traceloop.entity.input", Form::Json),
    ("gen_ai.memory.query.text", Form::Plain),
];

/// What becomes `output`: the first that is there.
pub(super) const OUTPUT: &[(&str, Form)] = &[
    ("gen_ai.output.messages", Form::Json),
    ("gen_ai.completion_json", Form::Json),
    ("gen_ai.completion", Form::List),
    ("gen_ai.completion", Form::Plain),
    ("llm.output_messages", Form::List),
    ("llm.choices", Form::List),
    ("output.value", Form::Media("output.mime_type")),
    ("gen_ai.tool.call.result", Form::Json),
    ("retrieval.documents", Form::List),
    ("gen_ai.retrieval.documents", Form::Json),
    ("reranker.output_documents", Form::List),
    ("traceloop.entity.output", Form::Json),
    ("gen_ai.memory.records", Form::Json),
];

/// Attributes that say what kind of a span it is, each with its words for the types that rows
/// have; the first that is known counts. They are coarser, so the attributes stay.
pub(super) const TYPES: [(&str, &[(&str, &str)]); 4] = [
    (
        "openinference.span.kind",
        &[
            ("LLM", "llm"),
            ("EMBEDDING", "llm"),
            ("CHAIN", "task"),
            ("AGENT", "task"),
            ("TOOL", "tool"),
            ("RETRIEVER", "function"),
            ("RERANKER", "function"),
            ("GUARDRAIL", "function"),
            ("PROMPT", "function"),
            ("EVALUATOR", "score"),
        ],
    ),
    (
        "gen_ai.operation.name",
        &[
            ("chat", "llm"),
            ("text_completion", "llm"),
            ("generate_content", "llm"),
            ("embeddings", "llm"),
            ("execute_tool", "tool"),
            ("create_agent", "task"),
            ("invoke_agent", "task"),
            ("invoke_workflow", "task"),
            ("retrieval", "function"),
        ],
    ),
    (
        "traceloop.span.kind",
        &[("workflow", "task"), ("task", "task"), ("agent", "task"), ("tool", "tool")],
    ),
    ("llm.request.type", &[("chat", "llm"), ("completion", "llm"), ("embedding", "llm")]),
];

/// Without any of [`TYPES`], these tell a call of a model.
pub(super) const MODEL_CALLS: [&str; 3] =
    ["gen_ai.request.model", "gen_ai.response.model", "llm.model_name"];

/// Events that are messages of the input, and the role they speak in.
pub(super) const INPUT_EVENTS: [(&str, &str); 4] = [
    ("gen_ai.system.message", "system"),
    ("gen_ai.user.message", "user"),
    ("gen_ai.assistant.message", "assistant"),
    ("gen_ai.tool.message", "tool"),
];

/// The event that is one choice of the output.
pub(super) const OUTPUT_EVENT: &str = "gen_ai.choice";

/// Events that hold the whole input or output in one attribute.
pub(super) const CONTENT_EVENTS: [(&str, &str); 2] = [
    ("gen_ai.content.prompt", "gen_ai.prompt"),
    ("gen_ai.content.completion", "gen_ai.completion"),
];

/// The event whose attributes are as good as the span's.
pub(super) const DETAILS_EVENT: &str = "gen_ai.client.inference.operation.details";

/// Events of streams, of which the first tells when the first token came.
pub(super) const TOKEN_EVENTS: [&str; 2] =
    ["llm.content.completion.chunk", "First Token Stream Event"];
