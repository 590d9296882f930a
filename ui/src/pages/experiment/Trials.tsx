// Trials of one input: a tab each, or their outputs side by side.

import { useSignal } from "@preact/signals";
import type { Case } from "../../api/types";
import { useLoad } from "../../parts/hooks";
import { JsonView } from "../../parts/JsonView";
import { Skeleton } from "../../parts/states";
import { counted } from "../../pure/format";
import { scoreText } from "../../pure/metric";
import { MOST_TRIALS, rootOf } from "./figures";

export interface TrialsProps {
  /** Of the experiment. */
  readonly id: string;
  /** Oldest first. */
  readonly trials: readonly Case[];
  /** Of the trial that is shown. */
  readonly root: string;
  readonly onShow: (root: string) => void;
}

/** Whole outputs beside each other; of more trials a person reads none. */
const BESIDE = 8;

export function Trials({ id, trials, root, onShow }: TrialsProps) {
  const beside = useSignal(false);
  return (
    <section class="case-part" aria-label="trials">
      <div class="trial-tabs">
        <h3>
          {trials.length >= MOST_TRIALS ? `First ${MOST_TRIALS} trials` : counted(trials.length, "trial")}
        </h3>
        <div class="trial-list">
          {trials.map((one, index) => (
            <button
              key={one.root_span_id}
              type="button"
              class="trial"
              aria-pressed={one.root_span_id === root}
              title={Object.entries(one.scores)
                .map(([name, value]) => `${name} ${scoreText(value)}`)
                .join("\n")}
              onClick={() => onShow(one.root_span_id)}
            >
              {index + 1}
              <span class={one.failed ? "error" : "faint"}>{one.failed ? "!" : brief(one)}</span>
            </button>
          ))}
        </div>
        <button
          type="button"
          class="button quiet small"
          aria-pressed={beside.value}
          onClick={() => {
            beside.value = !beside.value;
          }}
        >
          {beside.value ? "One at a time" : "Side by side"}
        </button>
      </div>
      {beside.value && <Beside id={id} trials={trials.slice(0, BESIDE)} root={root} />}
    </section>
  );
}

/** Mean of a trial's scores: what tells trials apart at a glance. */
function brief({ scores }: Case): string {
  const values = Object.values(scores).filter((value) => value !== null);
  return values.length === 0 ? "" : scoreText(values.reduce((sum, value) => sum + value, 0) / values.length);
}

function Beside({ id, trials, root }: Omit<TrialsProps, "onShow">) {
  const roots = useLoad(
    (end) => Promise.all(trials.map((one) => rootOf(id, one.root_span_id, end))),
    [id, trials.map((one) => one.root_span_id).join(" ")],
  );
  if (!roots.value) return <Skeleton height={72} />;
  return (
    <div class="trials-beside">
      {trials.map((one, index) => (
        <div key={one.root_span_id} class={one.root_span_id === root ? "trial-output at" : "trial-output"}>
          <div class="faint small">
            {index + 1}
            {Object.entries(one.scores).map(([name, value]) => (
              <span key={name}>
                {" "}
                {name} {scoreText(value)}
              </span>
            ))}
          </div>
          {one.error ? (
            <p class="error">{one.error}</p>
          ) : (
            <JsonView value={roots.value?.[index]?.output ?? null} open={1} bare />
          )}
        </div>
      ))}
    </div>
  );
}
