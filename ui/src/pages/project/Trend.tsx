// How one figure of a project went: a point for each run, with its interval.

import { useMemo } from "preact/hooks";
import { useLocation } from "preact-iso";
import type { Experiment } from "../../api/types";
import { useQuery } from "../../parts/hooks";
import { Switch } from "../../parts/Tabs";
import { TrendChart } from "../../parts/TrendChart";
import { counted } from "../../pure/format";
import { metricRange, metricText, scoreRange, scoreText } from "../../pure/metric";
import { path } from "../../pure/path";
import type { TrendRun } from "../../pure/trend";
import { figureNames } from "./columns";

export interface TrendProps {
  readonly org: string;
  readonly project: string;
  readonly experiments: readonly Experiment[];
}

export function Trend({ org, project, experiments }: TrendProps) {
  const { route } = useLocation();
  const [query, setQuery] = useQuery();
  const figures = useMemo(
    () => [
      ...figureNames(experiments, "scores").map((name) => `score:${name}`),
      ...figureNames(experiments, "metrics").map((name) => `metric:${name}`),
    ],
    [experiments],
  );
  const asked = query.get("trend");
  const figure = asked && figures.includes(asked) ? asked : figures[0];
  const by = query.get("by") === "time" ? "time" : "run";
  const runs = useMemo(
    () => (figure ? experiments.map((one) => runOf(one, figure)) : []),
    [experiments, figure],
  );
  const byId = useMemo(() => new Map(experiments.map((one) => [one.id, one])), [experiments]);
  if (!figure || runs.filter(({ value }) => value !== null).length < 2) return null;
  const [kind, name] = split(figure);
  const value = (value: number) => (kind === "score" ? scoreText(value) : metricText(name, value));
  const range = (lower: number, upper: number) =>
    kind === "score" ? scoreRange(lower, upper) : metricRange(name, lower, upper);
  return (
    <section class="trend" aria-label={`trend of ${name}`}>
      <div class="trend-head">
        <select
          class="select"
          aria-label="figure of the trend"
          value={figure}
          onChange={(event) => setQuery({ trend: event.currentTarget.value })}
        >
          {figures.map((one) => (
            <option key={one} value={one}>
              {split(one)[1]}
            </option>
          ))}
        </select>
        <span class="faint small">last {counted(runs.length, "run")}</span>
        <span class="space" />
        <Switch
          label="x axis"
          at={by}
          choices={[
            { id: "run", text: "By run", hint: "one step for each run" },
            { id: "time", text: "By time", hint: "as far apart as they were" },
          ]}
          onChoose={(id) => setQuery({ by: id === "time" ? "time" : null })}
        />
      </div>
      <TrendChart
        label={`${name}, oldest run first`}
        runs={runs}
        by={by}
        format={value}
        describe={(key) => {
          const run = runs.find((one) => one.key === key);
          const experiment = byId.get(key);
          if (!run || !experiment || run.value === null) return null;
          return {
            title: experiment.name,
            lines: [
              value(run.value) +
                (run.lower !== null && run.upper !== null ? ` (${range(run.lower, run.upper)})` : ""),
              counted(experiment.cases, "case"),
            ],
            at: experiment.created,
          };
        }}
        onOpen={(key) => {
          const experiment = byId.get(key);
          if (experiment) route(path.experiment(org, project, experiment.name));
        }}
      />
    </section>
  );
}

function split(figure: string): ["score" | "metric", string] {
  const at = figure.indexOf(":");
  return [figure.slice(0, at) as "score" | "metric", figure.slice(at + 1)];
}

function runOf(experiment: Experiment, figure: string): TrendRun {
  const [kind, name] = split(figure);
  const estimate = kind === "score" ? experiment.scores[name] : experiment.metrics[name];
  return {
    key: experiment.id,
    at: Date.parse(experiment.created),
    value: estimate?.mean ?? null,
    lower: estimate?.interval?.lower ?? null,
    upper: estimate?.interval?.upper ?? null,
  };
}
