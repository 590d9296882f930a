// What the run was waiting for, in the words of `tidegate timeline`.

import type { Explanation, Finding } from "../../api/types";
import { CATEGORIES, CATEGORY_MEANS, categoryRatio, evidence, figures, mood } from "../../pure/diagnosis";
import { part } from "../../pure/format";

const SIGNS = { good: "✓", bad: "!", plain: "•" } as const;

export function Findings({ explanation }: { readonly explanation: Explanation }) {
  return (
    <section class="up-findings" aria-label="diagnosis">
      {explanation.diagnosis.map((finding) => (
        <OneFinding key={finding.cause} finding={finding} />
      ))}
    </section>
  );
}

function OneFinding({
  finding: { cause, wall_ratio, advice, evidence: figures },
}: {
  readonly finding: Finding;
}) {
  const how = mood(cause);
  return (
    <article class={`up-finding ${how}`}>
      <h2>
        <span class="up-sign" aria-hidden="true">
          {SIGNS[how]}
        </span>
        <code>{cause}</code>
        {wall_ratio > 0 && <span class="faint">{part(wall_ratio)} of the wall</span>}
      </h2>
      <p>{advice}</p>
      {figures.length > 0 && <p class="faint small">Evidence: {figures.map(evidence).join("; ")}.</p>}
    </article>
  );
}

/** Where the wall went, as one bar, and all figures in words. */
export function Figures({ explanation }: { readonly explanation: Explanation }) {
  const path = explanation.critical_path;
  const parts = path
    ? CATEGORIES.map((name) => ({ name, ratio: categoryRatio(path, name) })).filter(
        ({ ratio }) => ratio >= 0.0005,
      )
    : [];
  return (
    <section class="up-figures" aria-label="figures">
      {parts.length > 0 && (
        <div
          class="up-path"
          role="img"
          aria-label={`the wall: ${parts.map(({ name, ratio }) => `${name} ${part(ratio)}`).join(", ")}`}
        >
          {parts.map(({ name, ratio }) => (
            <span
              key={name}
              class={`up-part ${name}`}
              style={{ flexGrow: ratio }}
              title={`${name} ${part(ratio)} of the wall: ${CATEGORY_MEANS[name]}`}
            >
              {ratio > 0.08 && `${name} ${part(ratio)}`}
            </span>
          ))}
        </div>
      )}
      <dl>
        {figures(explanation).map(([name, text]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
