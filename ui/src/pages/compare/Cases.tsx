// Matched cases, regressions first; each opens side by side.

import { useMemo } from "preact/hooks";
import { compare } from "../../api/lists";
import type { FetchPage } from "../../api/paged";
import type { ComparedCase, Comparison } from "../../api/types";
import { Chips } from "../../parts/Chips";
import { usePaged, useQuery } from "../../parts/hooks";
import { Empty, Failed, Skeleton } from "../../parts/states";
import { pagedRows, Table } from "../../parts/Table";
import { Switch } from "../../parts/Tabs";
import { count, counted } from "../../pure/format";
import { metricText, scoreText } from "../../pure/metric";
import {
  FILTERS,
  type Figure,
  figureText,
  meanOf,
  type PairFilter,
  type PairRow,
  passes,
  sortPairs,
} from "../../pure/pairs";
import { type Brush, brushLabel, inside } from "../../pure/scatter";
import { CaseDrawer } from "./CaseDrawer";
import { columnsOf } from "./columns";
import type { Loaded, Run } from "./runs";

export interface CasesProps {
  readonly org: string;
  readonly project: string;
  readonly runs: readonly Run[];
  /** Place of the base that is looked at. */
  readonly base: number;
  /** What the list is sorted and filtered by; all scores if null. */
  readonly chosen: Figure | null;
  readonly plotted: Figure | null;
  readonly scores: readonly Figure[];
  readonly comparison: Comparison | null;
  readonly cases: Loaded;
  readonly pairs: readonly PairRow[];
  readonly brush: Brush | null;
  readonly times: number;
}

const NAMES: Record<PairFilter, string> = {
  improved: "Improved",
  regressed: "Regressed",
  unchanged: "Unchanged",
  current_only: "Current only",
  base_only: "Base only",
};

export function Cases(props: CasesProps) {
  const { runs, base, chosen, plotted, scores, comparison, cases, brush } = props;
  const [query, setQuery] = useQuery();
  const filter = FILTERS.find((one) => one === query.get("filter")) ?? null;
  const order = query.get("order") === "desc" ? "desc" : "asc";
  const ids = runs.map(({ id }) => id);
  const [current, baseId] = [ids[0] as string, ids[base] as string];
  const sort = chosen ? figureText(chosen) : "change";

  const judged = chosen ? [chosen] : scores;
  const asPair = ({ input_hash: hash, current, base: before }: ComparedCase): PairRow => ({
    hash,
    sides: ids.map((_, index) =>
      index === 0 ? current : index === base ? before : (cases.experiments[index]?.get(hash) ?? []),
    ),
  });
  // What came with the figures is in the usual order. Until all cases are here, and if there are too many
  // of them, the server sorts, filters and pages.
  const usual = sort === "change" && order === "asc" && filter === null;
  const byServer = !brush && (cases.cut || cases.error !== null || !(cases.done || usual));
  const picked = useMemo(() => {
    if (byServer) return null;
    if (!cases.done) return brush ? null : (comparison?.cases.map(asPair) ?? null);
    const kept = props.pairs.filter((row) => {
      if (!passes(row, base, judged, filter)) return false;
      if (!brush || !plotted) return true;
      const [now, before] = [meanOf(row.sides[0], plotted), meanOf(row.sides[base], plotted)];
      return now !== null && before !== null && inside(brush, { base: before, current: now });
    });
    return sortPairs(kept, base, judged, order);
  }, [
    byServer,
    cases.done,
    comparison,
    props.pairs,
    query.get("in"),
    filter,
    order,
    base,
    sort,
    plotted && figureText(plotted),
    scores.length,
  ]);

  const fetchPage: FetchPage<PairRow> = async (cursor, limit, end) => {
    const asked = { experiment_id: current, base_experiment_id: baseId, sort, order, limit };
    const more = { filter: filter ?? undefined, cursor: cursor ?? undefined };
    const reply = await compare({ ...asked, ...more }, end);
    return { items: reply.cases.map(asPair), footer: reply };
  };
  const list = usePaged<PairRow>(
    byServer ? fetchPage : null,
    { key: ({ hash }) => hash, first: 50, later: 500 },
    [ids.join("\n"), base, sort, order, filter, byServer, props.times],
  );
  const listed = list?.items.value ?? [];
  const done = list?.done.value ?? false;
  const items = picked ?? listed;
  const rows = useMemo(
    () =>
      picked
        ? { length: picked.length, at: (index: number) => picked[index] }
        : pagedRows(listed, done, (end) => void list?.want(end)),
    [picked, list, listed, done],
  );
  const columns = useMemo(
    () => columnsOf({ runs, base, chosen, scores }),
    [runs, base, sort, scores.map(figureText).join("\n")],
  );

  const paired = chosen
    ? (chosen.kind === "score" ? comparison?.scores : comparison?.metrics)?.[chosen.name]
    : null;
  const counts: { [Name in PairFilter]?: number | undefined } = {
    current_only: comparison?.current_only_cases,
    base_only: comparison?.base_only_cases,
    ...(paired && {
      improved: paired.improved_cases,
      regressed: paired.regressed_cases,
      unchanged: paired.tied_cases,
    }),
  };
  const open = query.get("c");
  const index = items.findIndex(({ hash }) => hash === open);
  const opened = items[index] ?? props.pairs.find(({ hash }) => hash === open);
  const go = (to: number) => {
    const row = items[to];
    if (row) setQuery({ c: row.hash });
    // The next page, if that is where one goes on.
    if (list && to > items.length - 10) void list.want(to + 50);
  };
  const chips = [
    ...(chosen ? [{ id: "by", text: `by ${chosen.name}`, hint: "sorted and filtered by this alone" }] : []),
    ...(brush && plotted
      ? [
          {
            id: "in",
            text: brushLabel(brush, (value) =>
              plotted.kind === "score" ? scoreText(value) : metricText(plotted.name, value),
            ),
            hint: `part of the plot of ${plotted.name}`,
          },
        ]
      : []),
  ];
  const failed = list?.error.value;
  return (
    <section class="compare-cases" aria-label="cases">
      <div class="toolbar">
        <div class="switch-scroll">
          <Switch
            label="which cases"
            at={filter ?? "all"}
            choices={[
              { id: "all", text: "All" },
              ...FILTERS.map((id) => ({
                id,
                text:
                  counts[id] === undefined ? (
                    NAMES[id]
                  ) : (
                    <>
                      {NAMES[id]} <span class="faint">{count(counts[id])}</span>
                    </>
                  ),
              })),
            ]}
            onChoose={(id) => setQuery({ filter: id === "all" ? null : id })}
          />
        </div>
        <Chips chips={chips} onRemove={(id) => setQuery({ [id]: null })} />
        <span class="space" />
        {picked && cases.done && <span class="faint small">{counted(picked.length, "case")}</span>}
        <button
          type="button"
          class="button"
          title="which end of the list comes first"
          onClick={() => setQuery({ order: order === "asc" ? "desc" : null })}
        >
          {order === "asc" ? "Regressions first" : "Improvements first"}
        </button>
      </div>
      {failed && items.length === 0 ? (
        <Failed
          error={failed}
          onAgain={() => void list?.want(1)}
          onReset={() => setQuery({ by: null, filter: null })}
        />
      ) : picked === null && items.length === 0 && !done ? (
        <Skeleton rows={10} />
      ) : (
        <Table
          label="cases"
          columns={columns}
          rows={rows}
          rowKey={({ hash }) => hash}
          open={open}
          onOpen={({ hash }) => setQuery({ c: hash }, open ? "replace" : "push")}
          empty={
            <Empty title="No such case">
              <p>
                {filter ? `None is ${NAMES[filter].toLowerCase()}` : "Nothing is in this part of the plot"}
                {chosen ? ` by ${chosen.name}` : ""}.
              </p>
              <button
                type="button"
                class="button"
                onClick={() => setQuery({ filter: null, in: null, by: null })}
              >
                Show all
              </button>
            </Empty>
          }
        />
      )}
      {opened && (
        <CaseDrawer
          key={opened.hash}
          org={props.org}
          project={props.project}
          runs={runs}
          base={base}
          pair={opened}
          onClose={() => setQuery({ c: null })}
          onPrevious={index > 0 ? () => go(index - 1) : undefined}
          onNext={index >= 0 && index + 1 < items.length ? () => go(index + 1) : undefined}
        />
      )}
    </section>
  );
}
