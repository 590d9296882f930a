// One project: its experiments, how a score went over time, and ways to logs and datasets.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { useLocation } from "preact-iso";
import { subscribe } from "../../api/events";
import { listExperiments, projectNamed } from "../../api/lists";
import type { Experiment } from "../../api/types";
import { useLoad, useNames, usePaged, useQuery, useTitle } from "../../parts/hooks";
import { ProjectTabs } from "../../parts/ProjectTabs";
import { Empty, Failed, Skeleton } from "../../parts/states";
import { parseSort, type Sort } from "../../pure/filters";
import { path } from "../../pure/path";
import { Experiments } from "./Experiments";
import { Trend } from "./Trend";

export const FALLBACK: Sort = { by: "created", order: "desc" };

/** Experiments that the trend goes back. */
const TREND_RUNS = 200;

export function Project() {
  const { org, project: name } = useNames();
  useTitle(name);
  const { route } = useLocation();
  const [query] = useQuery();
  const sort = parseSort(query, FALLBACK);
  const search = query.get("search") ?? "";
  const project = useLoad((end) => projectNamed(name, end), [name]);
  // Of the page before until it is loaded.
  const id = project.value?.name === name ? project.value.id : null;
  const list = usePaged<Experiment>(
    id === null
      ? null
      : async (cursor, limit, end) => {
          const asked = { sort: sort.by, order: sort.order, search, limit, cursor: cursor ?? undefined };
          const reply = await listExperiments(id, asked, end);
          return { items: reply.experiments, footer: reply };
        },
    { key: ({ id }) => id, later: 200 },
    [id, sort.by, sort.order, search],
  );
  const written = useSignal(0);
  useEffect(() => {
    if (!list || id === null) return;
    return subscribe({ project_id: id }, () => {
      void list.refresh();
      written.value += 1;
    });
  }, [list, id]);
  // The trend is by time whatever the table is sorted by; it comes after the table.
  const first = list?.items.value.length ?? 0;
  const trend = useLoad(
    async (end) =>
      id === null || first === 0
        ? null
        : (await listExperiments(id, { limit: TREND_RUNS, search }, end)).experiments,
    [id, search, first === 0, written.value],
  );

  const error = project.error ?? list?.error.value ?? null;
  const again = () => {
    if (project.error) project.again();
    else void list?.want(1);
  };
  const empty = list?.done.value && first === 0;
  return (
    <div class="page">
      <ProjectTabs org={org} project={name} at="experiments" />
      {error && first === 0 ? (
        <Failed error={error} onAgain={again} onReset={() => route(path.project(org, name))} />
      ) : list === null || (first === 0 && !empty) ? (
        <Skeleton rows={12} />
      ) : empty && search === "" ? (
        <Empty title="No experiment yet">
          <p>
            An experiment is made by each run of an evaluation with <code>project = "{name}"</code>:
          </p>
          <pre>tidegate eval eval.toml</pre>
          <p>
            What an application records outside of evaluations is under{" "}
            <a href={path.logs(org, name)}>Logs</a>.
          </p>
        </Empty>
      ) : (
        <>
          {trend.value && trend.value.length > 1 && (
            <Trend org={org} project={name} experiments={trend.value} />
          )}
          <Experiments org={org} project={name} list={list} sort={sort} search={search} />
          {error && <Failed error={error} onAgain={again} inline />}
        </>
      )}
    </div>
  );
}
