// One experiment: what it is, how its scores are spread, its cases, and one of them in a drawer.

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { useLocation } from "preact-iso";
import { subscribe } from "../../api/events";
import { compare, experimentNamed } from "../../api/lists";
import { useLatest, useLoad, useNames, useQuery, useTitle } from "../../parts/hooks";
import { Empty, Failed, Skeleton } from "../../parts/states";
import { conditions } from "../../pure/cases";
import { path } from "../../pure/path";
import { CaseDrawer } from "./CaseDrawer";
import { CaseTable } from "./CaseTable";
import { experimentOf, withSums } from "./figures";
import { Groups } from "./Groups";
import { Head } from "./Head";
import type { CaseRow } from "./rows";
import { Spread } from "./Spread";
import { Toolbar } from "./Toolbar";
import { useColumns } from "./useColumns";
import { useRows, viewOf } from "./useRows";
import { useSlowly } from "./useSlowly";

/** While a run writes, its histograms and comparison are this old at most. */
const SLOW_MS = 5_000;

/** What changed the most is no sample of all cases. */
const NO_ROWS: readonly CaseRow[] = [];

export function Experiment() {
  const { org, project, experiment: name } = useNames();
  useTitle(`${name} · ${project}`);
  const { route } = useLocation();
  const [query, setQuery] = useQuery();
  const named = useLoad((end) => experimentNamed(project, name, end), [project, name]);
  // Of the page before until it is loaded.
  const bare = named.value?.name === name ? named.value : null;
  const id = bare?.id ?? null;
  const looks = useSignal(0);
  const summed = useLoad(async (end) => (bare ? await withSums(bare, end) : null), [bare, looks.value]);
  const experiment = summed.value?.id === id ? summed.value : null;
  const state = experiment ? `${experiment.rows} ${experiment.last_write}` : null;

  const view = viewOf(query, bare?.base_exp_id ?? null);
  const list = useRows(id, query, view);
  const items = list?.items.value ?? [];

  // What is written shows first in the sums; the list is read again only if they changed.
  useEffect(() => {
    if (id === null) return;
    return subscribe({ experiment_id: id }, () => {
      looks.value += 1;
    });
  }, [id]);
  const refresh = useLatest(() => void list?.refresh());
  const seen = useSignal<string | null>(null);
  useEffect(() => {
    if (state === null) return;
    if (seen.peek() !== null && seen.peek() !== `${id} ${state}`) refresh.current();
    seen.value = `${id} ${state}`;
  }, [state, id]);

  const base = bare?.base_exp_id ?? null;
  const baseNamed = useLoad(async (end) => (base ? await experimentOf(base, end) : null), [base]);
  const baseOf = baseNamed.value?.id === base ? baseNamed.value : null;
  // After the table: a comparison reads all trials of both sides.
  const slow = useSlowly(state, SLOW_MS);
  const ready = base !== null && (experiment?.cases ?? 0) > 0;
  const compared = useLoad(
    async (end) => (ready && id ? await compare({ experiment_id: id, limit: 1 }, end) : null),
    [ready, id, slow],
  );
  const comparison = compared.value?.experiment.id === id ? compared.value : null;

  const columns = useColumns(experiment, view === "changes");
  const open = query.get("c");
  const show = (key: string | null) => setQuery({ c: key }, key && !open ? "push" : "replace");
  const narrowed = useMemo(() => conditions(query).length > 0, [query]);

  if (named.error && !bare) {
    return <Failed error={named.error} onAgain={named.again} />;
  }
  if (!bare) return <Skeleton rows={14} />;
  const error = list?.error.value ?? null;
  const none = list?.done.value === true && items.length === 0;
  const again = () => {
    if (error) void list?.want(1);
    else summed.again();
  };
  return (
    <div class="page experiment">
      <Head org={org} project={project} experiment={experiment ?? bare} sums={experiment} base={baseOf} />
      {experiment && experiment.cases > 0 && (
        <Spread
          experiment={experiment}
          comparison={comparison}
          rows={view === "changes" ? NO_ROWS : items}
          state={slow}
        />
      )}
      {none && !narrowed && view !== "changes" ? (
        <Empty title="No case yet">
          <p>
            {experiment?.progress?.running
              ? "The evaluation has begun; its cases show here as they end."
              : "The experiment was registered, and nothing was written to it. Run the evaluation again, or send rows:"}
          </p>
          {!experiment?.progress?.running && <pre>POST /v1/experiment/{bare.id}/insert</pre>}
        </Empty>
      ) : (
        <>
          <Toolbar view={view} base={base} columns={columns} experiment={experiment} />
          {view === "groups" ? (
            <Groups id={bare.id} query={query} list={list} sums={experiment} state={slow} />
          ) : list === null || (items.length === 0 && !list.done.value && !error) ? (
            <Skeleton rows={14} />
          ) : error && items.length === 0 ? (
            <Failed
              error={error}
              onAgain={again}
              onReset={() => route(path.experiment(org, project, name))}
            />
          ) : (
            <CaseTable
              list={list}
              view={view}
              columns={columns.columns}
              total={narrowed || view === "changes" ? undefined : experiment?.cases}
              query={query}
              open={open}
              onOpen={show}
              href={(key) => `${path.experiment(org, project, name)}?c=${encodeURIComponent(key)}`}
            />
          )}
          {error && items.length > 0 && <Failed error={error} onAgain={again} inline />}
          {summed.error && !error && <Failed error={summed.error} onAgain={again} inline />}
        </>
      )}
      {open && (
        <CaseDrawer
          key={bare.id}
          place={{ org, project, experiment: name }}
          id={bare.id}
          base={baseOf}
          root={open}
          list={list}
          state={state}
          onShow={show}
        />
      )}
    </div>
  );
}
