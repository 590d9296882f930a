// A trace of a small agent, through the official SDK and exporters.
import {SpanKind, SpanStatusCode, context, trace} from '@opentelemetry/api'
import {OTLPTraceExporter as JsonExporter} from '@opentelemetry/exporter-trace-otlp-http'
import {OTLPTraceExporter as ProtobufExporter} from '@opentelemetry/exporter-trace-otlp-proto'
import {BatchSpanProcessor, NodeTracerProvider} from '@opentelemetry/sdk-trace-node'
import {defaultResource, resourceFromAttributes} from '@opentelemetry/resources'

const [form, project] = process.env.VARIANT.split(' ')
const Exporter = form === 'json' ? JsonExporter : ProtobufExporter
const exporter = new Exporter({
  url: `${process.env.BRAINTRUST_APP_URL}/otel/v1/traces`,
  headers: {'x-bt-parent': `project_name:${project}`},
  compression: 'gzip',
})
const provider = new NodeTracerProvider({
  resource: defaultResource().merge(resourceFromAttributes({'service.name': 'shop'})),
  spanProcessors: [new BatchSpanProcessor(exporter)],
})
const tracer = provider.getTracer('agent', '1.2')

const root = tracer.startSpan('request', {
  attributes: {
    'input.value': JSON.stringify({question: 'weather?'}),
    'input.mime_type': 'application/json',
    'openinference.span.kind': 'CHAIN',
    'tag.tags': ['production'],
  },
})
const below = trace.setSpan(context.active(), root)
const call = tracer.startSpan(
  'chat m-1',
  {
    kind: SpanKind.CLIENT,
    attributes: {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'm-1',
      'gen_ai.request.temperature': 0.5,
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.usage.input_tokens': 12,
      'gen_ai.usage.output_tokens': 3,
      'gen_ai.input.messages': JSON.stringify([
        {role: 'user', parts: [{type: 'text', content: 'weather?'}]},
      ]),
      'gen_ai.output.messages': JSON.stringify([
        {role: 'assistant', parts: [{type: 'text', content: 'rain'}]},
      ]),
    },
  },
  below,
)
call.end()
const tool = tracer.startSpan(
  'tool',
  {
    attributes: {
      'openinference.span.kind': 'TOOL',
      'llm.input_messages.0.message.role': 'user',
      'llm.input_messages.0.message.content': 'Paris',
    },
  },
  below,
)
const error = new Error('no such city')
error.name = 'ValueError'
tool.recordException(error)
tool.setStatus({code: SpanStatusCode.ERROR, message: error.message})
tool.end()
root.end()
await provider.shutdown()
