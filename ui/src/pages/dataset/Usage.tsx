// How to evaluate on a dataset.

import { Copy } from "../../parts/Copy";
import { Drawer } from "../../parts/Drawer";

export interface UsageProps {
  readonly project: string;
  readonly dataset: string;
  /** The one that is shown; null for whatever is current when the evaluation runs. */
  readonly version: string | null;
  readonly onClose: () => void;
}

export function Usage({ project, dataset, version, onClose }: UsageProps) {
  // JSON texts are valid in all of these languages.
  const [of, name] = [JSON.stringify(project), JSON.stringify(dataset)];
  const pin = version === null ? null : JSON.stringify(version);
  const python = `from braintrust import Eval, init_dataset

Eval(
    ${of},
    data=init_dataset(
        project=${of},
        name=${name},${pin ? `\n        version=${pin},` : ""}
    ),
    task=lambda input: answer(input),
    scores=[exact],
)`;
  const javascript = `import { Eval, initDataset } from "braintrust";

await Eval(${of}, {
  data: initDataset(${of}, {
    dataset: ${name},${pin ? `\n    version: ${pin},` : ""}
  }),
  task: (input) => answer(input),
  scores: [exact],
});`;
  const rows = `from braintrust import init_dataset

dataset = init_dataset(project=${of}, name=${name})
dataset.insert(input="…", expected="…", tags=["reviewed"])
dataset.flush()`;
  return (
    <Drawer title="Use in an evaluation" onClose={onClose} of="snippet">
      <div class="usage">
        <p class="muted">
          {pin
            ? "The version that is shown is named, so that later changes do not touch the evaluation."
            : "The rows are those of the moment. Choose a version first to have it named here."}{" "}
          <code>answer</code> and <code>exact</code> are yours.
        </p>
        <Snippet name="Python" text={python} />
        <Snippet name="JavaScript" text={javascript} />
        <Snippet name="Add rows (Python)" text={rows} />
      </div>
    </Drawer>
  );
}

function Snippet({ name, text }: { readonly name: string; readonly text: string }) {
  return (
    <section>
      <div class="usage-head">
        <h3>{name}</h3>
        <Copy text={text} />
      </div>
      <pre>{text}</pre>
    </section>
  );
}
