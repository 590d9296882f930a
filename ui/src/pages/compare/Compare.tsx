// Experiments against each other: the first of the address is looked at, the others are its bases.

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { subscribe } from "../../api/events";
import { compare } from "../../api/lists";
import { useCalm } from "../../parts/calm";
import { useLoad, useNames, useQuery, useTitle } from "../../parts/hooks";
import { ProjectTabs } from "../../parts/ProjectTabs";
import { Empty, Failed, Skeleton } from "../../parts/states";
import { Switch } from "../../parts/Tabs";
import { metricText, scoreText } from "../../pure/metric";
import { type Figure, figureText, meanOf, pairUp, parseFigure, representative } from "../../pure/pairs";
import { path } from "../../pure/path";
import { brushText, type Point, parseBrush } from "../../pure/scatter";
import { oneLine } from "../../pure/tree";
import { Cases } from "./Cases";
import { Figures, figuresOf, letter } from "./Figures";
import { Head } from "./Head";
import { findRun, type Run, useCases } from "./runs";
import { Scatter } from "./Scatter";
import { Warnings } from "./Warnings";

/** More columns than these nobody reads; later ones of an address are left out. */
const MOST_RUNS = 6;

/** A look at all cases costs more than one at a list. */
const CALM_MS = 3_000;

/** Pairs that come with the figures, to be seen until all cases are here. */
const FIRST_ROWS = 60;

export function Compare() {
  const { org, project } = useNames();
  const [query] = useQuery();
  const asked = [...new Set(query.getAll("e").filter(Boolean))].slice(0, MOST_RUNS);
  const key = asked.join("\n");
  const runs = useLoad(
    async (end) => ({ key, all: await Promise.all(asked.map((one) => findRun(project, one, end))) }),
    [project, key],
  );
  useTitle(`Compare · ${project}`);
  // Those of the address before until these are there.
  const loaded = runs.value?.key === key ? runs.value.all : null;
  return (
    <div class="page compare">
      <ProjectTabs org={org} project={project} at="experiments" />
      {asked.length < 2 ? (
        <Empty title="Nothing to compare yet">
          <p>
            Select two or more in the <a href={path.project(org, project)}>experiments of the project</a> with{" "}
            <kbd>x</kbd> and press <kbd>c</kbd>.
          </p>
        </Empty>
      ) : runs.error && loaded === null ? (
        <Failed error={runs.error} onAgain={runs.again} />
      ) : loaded === null ? (
        <Skeleton rows={14} />
      ) : (
        <Compared org={org} project={project} runs={loaded} onChanged={runs.again} />
      )}
    </div>
  );
}

interface ComparedProps {
  readonly org: string;
  readonly project: string;
  readonly runs: readonly Run[];
  readonly onChanged: () => void;
}

function Compared({ org, project, runs, onChanged }: ComparedProps) {
  const [query, setQuery] = useQuery();
  const ids = runs.map(({ id }) => id);
  const current = ids[0] as string;
  const busy = useSignal(true);
  const [times, ask] = useCalm(busy.value, CALM_MS);
  useEffect(
    () =>
      subscribe({ project_id: runs[0]?.project_id ?? "" }, (happened) => {
        // Looking at all trials again costs the server too much to do so without a reason.
        const ours = happened.some(
          ({ type, data }) => type !== "changed" || ids.includes(String(data.object_id)),
        );
        if (!ours) return;
        ask();
      }),
    [ids.join("\n")],
  );
  const comparisons = useLoad(
    (end) =>
      Promise.all(
        ids
          .slice(1)
          .map((base) =>
            compare({ experiment_id: current, base_experiment_id: base, limit: FIRST_ROWS }, end),
          ),
      ),
    [ids.join("\n"), times],
  );
  const cases = useCases(ids, times).value;
  busy.value = comparisons.loading || cases.reading;
  useEffect(() => {
    if (times > 0) onChanged();
  }, [times]);
  const base = Math.max(ids.indexOf(query.get("vs") ?? ""), 1);
  const figures = useMemo(() => figuresOf(runs, comparisons.value ?? []), [runs, comparisons.value]);
  const chosen = figures.find((one) => figureText(one) === query.get("by")) ?? parseFigure(query.get("by"));
  const plotted: Figure | undefined = chosen ?? figures[0];
  const plottedKey = plotted ? figureText(plotted) : "";

  const pairs = useMemo(
    () => (cases.done ? pairUp(cases.experiments, base) : []),
    [cases.experiments, cases.done, base],
  );
  const { points, of } = useMemo(() => {
    const points: Point[] = [];
    const of: number[] = [];
    pairs.forEach(({ sides }, index) => {
      if (!plotted) return;
      const [now, before] = [meanOf(sides[0], plotted), meanOf(sides[base], plotted)];
      if (now === null || before === null) return;
      points.push({ base: before, current: now });
      of.push(index);
    });
    return { points, of };
  }, [pairs, plottedKey, base]);
  const brush = parseBrush(query.get("in"));
  const format = (value: number) =>
    plotted?.kind === "metric" ? metricText(plotted.name, value) : scoreText(value);

  const swap = (index: number) => {
    const next = [...ids];
    [next[0], next[index]] = [next[index] as string, next[0] as string];
    setQuery({ e: next, vs: null, in: null, c: null, filter: null }, "push");
  };
  return (
    <>
      <Head org={org} project={project} runs={runs} onSwap={swap} />
      {comparisons.error && <Failed error={comparisons.error} onAgain={comparisons.again} inline />}
      {comparisons.value && <Warnings comparisons={comparisons.value} />}
      <div class="compare-figures">
        {comparisons.value ? (
          <Figures
            runs={runs}
            comparisons={comparisons.value}
            chosen={plotted ?? null}
            onChoose={(figure, index, filter) =>
              setQuery({
                by: figureText(figure),
                filter,
                in: null,
                vs: index > 1 || ids.length > 2 ? (ids[filter ? index : base] ?? null) : null,
              })
            }
          />
        ) : (
          !comparisons.error && <Skeleton rows={5} />
        )}
        <section class="compare-plot" aria-label="each case in both experiments">
          <div class="plot-head">
            <strong class="cut">{plotted?.name ?? "No score"}</strong>
            <span class="space" />
            {ids.length > 2 && (
              <Switch
                label="base"
                at={String(base)}
                choices={ids
                  .slice(1)
                  .map((_, index) => ({ id: String(index + 1), text: `vs. ${letter(index + 1)}` }))}
                onChoose={(index) => setQuery({ vs: ids[Number(index)] ?? null, in: null })}
              />
            )}
          </div>
          {cases.done && points.length > 0 ? (
            <Scatter
              label={`${plotted?.name}: ${points.length} cases, base against current`}
              points={points}
              format={format}
              names={{ base: `${letter(base)}, base`, current: "A, current" }}
              less={plotted?.kind === "metric"}
              describe={(index) => {
                const pair = pairs[of[index] ?? -1];
                return oneLine((pair && representative(pair)?.input) ?? "", 60);
              }}
              brush={brush}
              onBrush={(next) => setQuery({ in: next && brushText(next), c: null })}
            />
          ) : cases.error ? (
            <Failed
              error={cases.error}
              inline
              onAgain={() => {
                ask();
              }}
            />
          ) : (
            <div class="plot-empty faint">
              {cases.done ? "No case has a value in both." : "Reading cases…"}
            </div>
          )}
          {cases.cut && <p class="faint small">The newest cases of each experiment; there are more.</p>}
        </section>
      </div>
      <Cases
        org={org}
        project={project}
        runs={runs}
        base={base}
        chosen={chosen}
        plotted={plotted ?? null}
        scores={figures.filter(({ kind }) => kind === "score")}
        comparison={comparisons.value?.[base - 1] ?? null}
        cases={cases}
        pairs={pairs}
        brush={brush}
        times={times}
      />
    </>
  );
}
