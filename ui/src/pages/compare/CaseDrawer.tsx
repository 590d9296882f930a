// One input in all experiments: outputs side by side, what is expected, scores, and the way to the traces.

import { type Signal, signal, useSignal } from "@preact/signals";
import { wholeRow } from "../../api/rows";
import type { Case, Row } from "../../api/types";
import { Drawer } from "../../parts/Drawer";
import { useLoad } from "../../parts/hooks";
import { changesText, JsonDiff } from "../../parts/JsonDiff";
import { JsonView } from "../../parts/JsonView";
import { MOST_SIDE_DIFF, SideDiff } from "../../parts/SideDiff";
import { Failed, Skeleton } from "../../parts/states";
import { Switch } from "../../parts/Tabs";
import { TextDiff } from "../../parts/TextDiff";
import { type PairRow, representative } from "../../pure/pairs";
import { path } from "../../pure/path";
import { equal, type Json, oneLine } from "../../pure/tree";
import { letter } from "./Figures";
import type { Run } from "./runs";
import { Values } from "./Values";

export interface CaseDrawerProps {
  readonly org: string;
  readonly project: string;
  readonly runs: readonly Run[];
  readonly base: number;
  readonly pair: PairRow;
  readonly onClose: () => void;
  readonly onPrevious: (() => void) | undefined;
  readonly onNext: (() => void) | undefined;
}

/** Kept from case to case. */
const view: Signal<"sides" | "diff"> = signal("sides");

export function CaseDrawer({ org, project, runs, base, pair, ...rest }: CaseDrawerProps) {
  const trials = useSignal<readonly number[]>(runs.map(() => 0));
  const chosen = pair.sides.map((side, index) => side[Math.min(trials.value[index] ?? 0, side.length - 1)]);
  const rows = useLoad(
    (end) =>
      Promise.all(
        chosen.map((one, index) => (one ? wholeRow("experiment", runs[index]?.id ?? "", one.id, end) : null)),
      ),
    [chosen.map((one) => one?.id).join("\n")],
  );
  const title = oneLine(representative(pair)?.input ?? "case", 120);
  return (
    <Drawer
      title={title}
      {...rest}
      actions={
        <Switch
          label="outputs"
          at={view.value}
          choices={[
            { id: "sides", text: "Side by side" },
            { id: "diff", text: "Diff" },
          ]}
          onChoose={(id) => {
            view.value = id;
          }}
        />
      }
    >
      <div class="sides-case">
        {rows.error ? (
          <Failed error={rows.error} onAgain={rows.again} inline />
        ) : rows.value === null ? (
          <Skeleton rows={10} />
        ) : (
          <Sides
            {...{ org, project, runs, base, pair, chosen }}
            rows={rows.value}
            onTrial={(index, trial) => {
              trials.value = trials.value.map((old, place) => (place === index ? trial : old));
            }}
            trials={trials.value}
          />
        )}
      </div>
    </Drawer>
  );
}

interface SidesProps extends Pick<CaseDrawerProps, "org" | "project" | "runs" | "base" | "pair"> {
  readonly chosen: readonly (Case | undefined)[];
  readonly rows: readonly (Row | null)[];
  readonly trials: readonly number[];
  readonly onTrial: (index: number, trial: number) => void;
}

function Sides(props: SidesProps) {
  const { org, project, runs, base, pair, chosen, rows, trials, onTrial } = props;
  const any = rows.find((row) => row !== null);
  const expected = rows.map((row) => row?.expected ?? null) as Json[];
  const present = rows.flatMap((row, index) => (row ? [index] : []));
  const same = present.every((index) => equal(expected[index] ?? null, expected[present[0] ?? 0] ?? null));
  return (
    <>
      <section class="sides-part">
        <h3>Input</h3>
        <JsonView value={any?.input} />
      </section>
      {same ? (
        expected[present[0] ?? 0] !== null && (
          <section class="sides-part">
            <h3>Expected</h3>
            <JsonView value={expected[present[0] ?? 0]} />
          </section>
        )
      ) : (
        <section class="sides-part">
          <h3>
            Expected, {letter(base)} → A: {changesText(expected[base], expected[0])}
          </h3>
          <JsonDiff before={expected[base]} after={expected[0]} />
        </section>
      )}
      <section class="sides" style={{ "--sides": String(runs.length) }}>
        {runs.map((run, index) => (
          <div key={run.id} class="side">
            <header class="side-head">
              <span class="letter">{letter(index)}</span>
              <span class="cut" title={run.name}>
                {run.name}
              </span>
              <Trials
                side={pair.sides[index]}
                at={trials[index] ?? 0}
                onTrial={(trial) => onTrial(index, trial)}
              />
              <span class="space" />
              {chosen[index] && (
                <a href={path.trace(org, project, run.name, chosen[index].root_span_id)}>Trace</a>
              )}
            </header>
            {rows[index] ? (
              <Output rows={rows} index={index} base={base} />
            ) : (
              <p class="faint">This experiment has no such input.</p>
            )}
          </div>
        ))}
      </section>
      <Values runs={runs} pair={pair} />
    </>
  );
}

function Trials({
  side,
  at,
  onTrial,
}: {
  readonly side: readonly Case[] | undefined;
  readonly at: number;
  readonly onTrial: (trial: number) => void;
}) {
  if (!side || side.length < 2) return null;
  return (
    <select
      class="select"
      aria-label="trial"
      value={at}
      onChange={(event) => onTrial(Number(event.currentTarget.value))}
    >
      {side.map((trial, index) => (
        <option key={trial.id} value={index}>
          trial {index + 1} of {side.length}
        </option>
      ))}
    </select>
  );
}

function Output({
  rows,
  index,
  base,
}: {
  readonly rows: readonly (Row | null)[];
  readonly index: number;
  readonly base: number;
}) {
  const row = rows[index] as Row;
  // A base is seen against the current one; that one against the base that is looked at.
  const other = rows[index === 0 ? base : 0] ?? null;
  const [before, after] = index === 0 ? [other, row] : [row, other];
  const texts = [row, other].every(
    (one) => typeof one?.output === "string" && one.output.length <= MOST_SIDE_DIFF,
  );
  return (
    <>
      {row.error != null && (
        <div class="side-error">
          <h3 class="error">Error</h3>
          <JsonView value={row.error} bare />
        </div>
      )}
      {row.output == null && row.error != null ? null : view.value === "diff" && other ? (
        index === 0 ? (
          <JsonView value={row.output} />
        ) : (
          <>
            <p class="faint">
              {letter(index)} → A: {changesText(before?.output, after?.output)}
            </p>
            <Diff before={before?.output} after={after?.output} />
          </>
        )
      ) : texts && row.output !== other?.output ? (
        <SideDiff
          before={String(before?.output)}
          after={String(after?.output)}
          side={index === 0 ? "after" : "before"}
        />
      ) : (
        <JsonView value={row.output ?? null} open={3} />
      )}
    </>
  );
}

/** Longer texts are not compared word by word: the page would stand still. */
const MOST_DIFF = 200_000;

function Diff({ before, after }: { readonly before: unknown; readonly after: unknown }) {
  if (typeof before === "string" && typeof after === "string") {
    return before.length + after.length > MOST_DIFF ? (
      <p class="faint">Too long to compare word by word; see them side by side.</p>
    ) : (
      <TextDiff before={before} after={after} />
    );
  }
  return <JsonDiff before={before} after={after} />;
}
