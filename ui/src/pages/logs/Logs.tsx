// Traces of a project outside of evaluations: when there were how many, and each of them.

import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import { subscribe } from "../../api/events";
import { histogram as countOver, listCases, projectNamed } from "../../api/lists";
import type { FetchPage } from "../../api/paged";
import type { Case } from "../../api/types";
import { useCalm } from "../../parts/calm";
import { useLatest, useLoad, useNames, usePaged, useQuery, useTitle } from "../../parts/hooks";
import { ProjectTabs } from "../../parts/ProjectTabs";
import { Failed, Skeleton } from "../../parts/states";
import { TimeHistogram } from "../../parts/TimeHistogram";
import { parseSort, pick, type Sort } from "../../pure/filters";
import { timeRange, within } from "../../pure/histogram";
import { path } from "../../pure/path";
import { NoLogs } from "./NoLogs";
import { Filters } from "./Toolbar";
import { Traces } from "./Traces";

export const FALLBACK: Sort = { by: "created", order: "desc" };
export const CONDITIONS = ["text", "failed", "tag", "score", "metric"] as const;
const TIMES = ["since", "from", "to"] as const;

export function Logs() {
  const { org, project: name } = useNames();
  useTitle(`Logs · ${name}`);
  const { route } = useLocation();
  const [query, setQuery] = useQuery();
  const project = useLoad(async (end) => ({ asked: name, ...(await projectNamed(name, end)) }), [name]);
  const id = project.value?.asked === name ? project.value.id : null;

  const sort = parseSort(query, FALLBACK);
  const conditions = pick(query, CONDITIONS);
  const conditionsKey = JSON.stringify(conditions);
  const timesKey = JSON.stringify(pick(query, TIMES));
  const narrowed = conditions.length > 0 || timesKey !== "[]";
  const busy = useSignal(true);
  const [written, ask] = useCalm(busy.value, 500);
  // The last hour moves on with each look, not with each row that is drawn.
  const range = useMemo(() => timeRange(query, Date.now()), [timesKey, written]);
  const rangeNow = useLatest(range);

  const list = usePaged<Case>(
    id === null ? null : tracesOf(id, conditions, sort, rangeNow),
    { key: ({ id }) => id, first: 60, later: 500 },
    [id, conditionsKey, timesKey, sort.by, sort.order],
  );
  const histogram = useLoad(
    async (end) =>
      id === null
        ? null
        : countOver("project_logs", id, [...conditions, ["buckets", "80"], ...bounds(range)], end),
    [id, conditionsKey, timesKey, written],
  );

  busy.value = histogram.loading;

  // Rows must not move away under the eyes: what is new is put on top only where the top is seen.
  const top = useRef(true);
  const waiting = useSignal(false);
  useEffect(() => {
    if (!list || id === null) return;
    waiting.value = false;
    return subscribe({ project_id: id }, (happened) => {
      const ours =
        happened.length === 0 || happened.some(({ type, data }) => type !== "changed" || isLogs(data, id));
      if (!ours) return;
      ask();
      if (top.current) void list.refresh();
      else if (happened.length > 0) waiting.value = true;
    });
  }, [list, id]);

  const items = list?.items.value ?? [];
  const done = list?.done.value ?? false;
  const error = project.error ?? list?.error.value ?? null;
  const again = () => {
    if (project.error) project.again();
    else void list?.want(1);
  };
  const reset = () => route(path.logs(org, name));
  const empty = done && items.length === 0;
  return (
    <div class="page">
      <ProjectTabs org={org} project={name} at="logs" />
      {empty && !narrowed ? (
        <NoLogs project={name} />
      ) : (
        <>
          <Filters items={items} onClear={reset} />
          {histogram.value && histogram.value.buckets.length > 0 && (
            <TimeHistogram
              label="traces over time"
              noun="trace"
              buckets={histogram.value.buckets}
              onRange={(from, to) =>
                setQuery(
                  { since: null, from: new Date(from).toISOString(), to: new Date(to).toISOString() },
                  "push",
                )
              }
            />
          )}
          {histogram.value === null && histogram.loading && !empty && <div class="histogram-space" />}
          {error && items.length === 0 ? (
            <Failed error={error} onAgain={again} onReset={reset} />
          ) : list === null || (items.length === 0 && !done) ? (
            <Skeleton rows={14} />
          ) : (
            <Traces
              org={org}
              project={name}
              list={list}
              sort={sort}
              total={histogram.value?.cases ?? null}
              top={top}
              waiting={waiting}
              onReset={reset}
            />
          )}
          {error && items.length > 0 && <Failed error={error} onAgain={again} inline />}
        </>
      )}
    </div>
  );
}

function isLogs(data: Readonly<Record<string, unknown>>, id: string): boolean {
  return data.object_type === "project_logs" && data.object_id === id;
}

function bounds({ from, to }: ReturnType<typeof timeRange>): [string, string][] {
  return Object.entries({ from, to }).flatMap(([name, at]): [string, string][] =>
    at === null ? [] : [[name, String(at)]],
  );
}

/** Most pages that are looked through for one that has something of the range. */
const MOST_PAGES = 200;

/** The server narrows by time as well where it can; one that cannot is asked for page after page. */
function tracesOf(
  project: string,
  conditions: readonly [string, string][],
  sort: Sort,
  range: { readonly current: ReturnType<typeof timeRange> },
): FetchPage<Case> {
  return async (cursor, limit, end) => {
    const newestFirst = sort.by === "created" && sort.order === "desc";
    const narrow = bounds(range.current);
    let [at, asked] = [cursor, limit];
    for (let pages = 0; ; pages += 1) {
      const query: [string, string][] = [
        ...conditions,
        ...narrow,
        ["sort", sort.by],
        ["order", sort.order],
        ["limit", String(asked)],
      ];
      if (at !== null) query.push(["cursor", at]);
      const reply = await listCases("project_logs", project, query, end);
      const { kept, ended } = within(reply.cases, range.current, newestFirst);
      const footer = ended ? { ...reply, cursor: null } : reply;
      if (kept.length > 0 || footer.cursor === null || pages >= MOST_PAGES) return { items: kept, footer };
      // Nothing of this page: further ones are taken in large steps.
      [at, asked] = [footer.cursor, 1000];
    }
  };
}
