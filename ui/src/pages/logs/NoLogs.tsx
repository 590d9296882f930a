// What to do in a project without logs.

import { Copy } from "../../parts/Copy";
import { Empty } from "../../parts/states";

export function NoLogs({ project }: { readonly project: string }) {
  const { origin } = window.location;
  const name = JSON.stringify(project);
  const environment = `export BRAINTRUST_APP_URL=${origin}\nexport BRAINTRUST_API_KEY=…   # any text if the server needs no key`;
  const python = `import braintrust

logger = braintrust.init_logger(project=${name})

with logger.start_span(name="answer") as span:
    span.log(input="What is the capital of France?", output="Paris")

logger.flush()`;
  const javascript = `import { initLogger } from "braintrust";

const logger = initLogger({ projectName: ${name} });
await logger.traced(
  async (span) => {
    span.log({ input: "What is the capital of France?", output: "Paris" });
  },
  { name: "answer" },
);
await logger.flush();`;
  return (
    <Empty title="No trace yet">
      <p>Logs are what an application records while it runs. Point any Braintrust client at this server:</p>
      <Snippet text={environment} />
      <p>Then in Python</p>
      <Snippet text={python} />
      <p>or JavaScript</p>
      <Snippet text={javascript} />
      <p>
        OpenTelemetry works as well: send OTLP to <code>{origin}/otel/v1/traces</code>. Rows show here as they
        arrive.
      </p>
    </Empty>
  );
}

function Snippet({ text }: { readonly text: string }) {
  return (
    <div class="snippet">
      <pre>{text}</pre>
      <Copy text={text} />
    </div>
  );
}
