"""A trace of a small agent, through the official SDK and exporter."""

import json
import os

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

exporter = OTLPSpanExporter(
    endpoint=os.environ["BRAINTRUST_APP_URL"] + "/otel/v1/traces",
    headers={"x-bt-parent": "project_name:" + os.environ["VARIANT"]},
    compression=Compression.Gzip,
)
provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
provider.add_span_processor(BatchSpanProcessor(exporter))
tracer = provider.get_tracer("agent", "1.2")

with tracer.start_as_current_span("request") as root:
    root.set_attribute("input.value", json.dumps({"question": "weather?"}))
    root.set_attribute("input.mime_type", "application/json")
    root.set_attribute("openinference.span.kind", "CHAIN")
    root.set_attribute("tag.tags", ["production"])
    with tracer.start_as_current_span("chat m-1", kind=trace.SpanKind.CLIENT) as call:
        asked = [{"role": "user", "parts": [{"type": "text", "content": "weather?"}]}]
        said = [{"role": "assistant", "parts": [{"type": "text", "content": "rain"}]}]
        call.set_attributes(
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "m-1",
                "gen_ai.request.temperature": 0.5,
                "gen_ai.response.finish_reasons": ["stop"],
                "gen_ai.usage.input_tokens": 12,
                "gen_ai.usage.output_tokens": 3,
                "gen_ai.input.messages": json.dumps(asked),
                "gen_ai.output.messages": json.dumps(said),
            }
        )
    try:
        with tracer.start_as_current_span("tool") as tool:
            tool.set_attribute("openinference.span.kind", "TOOL")
            tool.set_attribute("llm.input_messages.0.message.role", "user")
            tool.set_attribute("llm.input_messages.0.message.content", "Paris")
            raise ValueError("no such city")
    except ValueError:
        pass
provider.shutdown()
