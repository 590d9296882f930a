// What leads to a first run, with the address of this very server.

import { Copy } from "../../parts/Copy";
import { Empty } from "../../parts/states";

export function FirstRun() {
  const run = [
    `export BRAINTRUST_APP_URL=${window.location.origin} BRAINTRUST_API_KEY=any`,
    "tidegate eval eval.toml",
  ].join("\n");
  return (
    <Empty title="No project yet">
      <p>A project is made by its first run. From a directory with an evaluation:</p>
      <pre>{run}</pre>
      <Copy text={run} />
      <p>
        Without one, from a clone of Tidegate: <code>cargo run --release --example language_id</code> with the
        same two variables. Where keys are required, one of yours goes in the place of <code>any</code>.
      </p>
    </Empty>
  );
}
