// Scores of a case: value, change against the base, and the scorer's reasons.

import { useSignal } from "@preact/signals";
import type { Case } from "../../api/types";
import { counted } from "../../pure/format";
import { differenceText, scoreText } from "../../pure/metric";
import { faultText, type Reason } from "../../pure/reasons";
import { place } from "../../pure/scale";

export interface ScoresProps {
  readonly reasons: readonly Reason[];
  /** As the list has them; those of the spans count if they are missing. */
  readonly scores: Readonly<Record<string, number | null>> | null;
  /** Trials of the base with the same input. */
  readonly base: readonly Case[] | null;
  readonly baseName: string | null;
  /** Address of the trace. */
  readonly trace: string;
}

const CUT = 400;

export function Scores({ reasons, scores, base, baseName, trace }: ScoresProps) {
  if (reasons.length === 0) return null;
  return (
    <section class="case-scores" aria-label="scores">
      {reasons.map(({ name, value: said, rationale, choice, error, span }) => {
        const value = scores?.[name] ?? said;
        const before = base ? mean(base.map((one) => one.scores[name])) : null;
        const difference = value !== null && before !== null ? value - before : null;
        const turn = difference ? (difference > 0 ? "better" : "worse") : "faint";
        return (
          <div key={name} class="case-score">
            <a class="case-score-name" href={span ? `${trace}?s=${encodeURIComponent(span)}` : trace}>
              {name}
            </a>
            <span class={value === null ? "faint case-score-value" : "case-score-value"}>
              {scoreText(value)}
            </span>
            <span class="case-score-bar" aria-hidden="true">
              <i style={{ width: `${100 * (value === null ? 0 : place(value, { from: 0, to: 1 }))}%` }} />
            </span>
            <span
              class={`case-score-change ${turn}`}
              title={
                before === null
                  ? undefined
                  : `${baseName}: ${scoreText(before)}, mean of ${counted(base?.length ?? 0, "trial")}`
              }
            >
              {difference === null
                ? ""
                : difference === 0
                  ? "= base"
                  : `${difference > 0 ? "▲" : "▼"} ${differenceText("score", difference, null)}`}
            </span>
            {(rationale || choice || error !== null) && (
              <div class="case-score-why">
                {error !== null && <p class="error">{faultText(error).message}</p>}
                {choice && <span class="tag">{choice}</span>}
                {rationale && <Long text={rationale} />}
              </div>
            )}
          </div>
        );
      })}
    </section>
  );
}

function Long({ text }: { readonly text: string }) {
  const all = useSignal(false);
  if (text.length <= CUT || all.value) return <span>{text}</span>;
  return (
    <span>
      {text.slice(0, CUT)}…{" "}
      <button
        type="button"
        class="button quiet small"
        onClick={() => {
          all.value = true;
        }}
      >
        Show all
      </button>
    </span>
  );
}

function mean(values: readonly (number | null | undefined)[]): number | null {
  const found = values.filter((value): value is number => value != null);
  return found.length === 0 ? null : found.reduce((sum, value) => sum + value, 0) / found.length;
}
