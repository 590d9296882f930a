// The table of experiments: filter, columns, selection.

import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { useLocation } from "preact-iso";
import type { Paged } from "../../api/paged";
import type { Experiment } from "../../api/types";
import { ColumnChooser } from "../../parts/ColumnChooser";
import { FilterBox } from "../../parts/FilterBox";
import { useQuery } from "../../parts/hooks";
import { useKeys } from "../../parts/keyboard";
import { Running } from "../../parts/Running";
import { Empty } from "../../parts/states";
import { type Column, pagedRows, Table } from "../../parts/Table";
import { nextSort, type Sort } from "../../pure/filters";
import { path } from "../../pure/path";
import { type Choice, choices } from "./columns";
import { FALLBACK } from "./Project";
import { useVerdicts } from "./verdicts";

export interface ExperimentsProps {
  readonly org: string;
  readonly project: string;
  readonly list: Paged<Experiment>;
  readonly sort: Sort;
  readonly search: string;
}

const NAME: Column<Experiment> = {
  id: "name",
  head: "Experiment",
  width: 220,
  grow: 1,
  sort: "name",
  title: ({ name, description }) => (description ? `${name}\n${description}` : name),
  cell: (experiment) => (
    <>
      {experiment.name}
      <Running experiment={experiment} />
    </>
  ),
};

export function Experiments({ org, project, list, sort, search }: ExperimentsProps) {
  const { route } = useLocation();
  const [query, setQuery] = useQuery();
  const marked = useSignal<ReadonlyMap<string, Experiment>>(new Map());
  const seen = useSignal(0);
  const items = list.items.value;
  const done = list.done.value;
  const rows = useMemo(() => {
    const want = (end: number) => void list.want(end);
    const rows = pagedRows(items, done, want);
    return {
      ...rows,
      want: (end: number) => {
        if (end > seen.peek()) seen.value = end;
        rows.want?.(end);
      },
    };
  }, [list, items, done]);
  const inView = useMemo(() => items.slice(0, seen.value), [items, seen.value]);
  const verdicts = useVerdicts(inView).value;
  const all = useMemo(() => choices(items, verdicts), [items, verdicts]);

  // What differs from the usual, so that an address stays short and a new scorer shows by itself.
  const [show, hide] = [query.getAll("show"), query.getAll("hide")];
  const isShown = ({ column, usual }: Choice) =>
    show.includes(column.id) || (usual && !hide.includes(column.id));
  const columns = useMemo(
    () => [NAME, ...all.filter(isShown).map(({ column }) => column)],
    [all, show.join("\n"), hide.join("\n")],
  );

  const compare = () => {
    if (marked.value.size < 2) return false;
    // Newest first: a comparison looks at the first and takes the others for its bases.
    const picked = [...marked.value.values()].sort((a, b) => (a.created < b.created ? 1 : -1));
    route(
      path.compare(
        org,
        project,
        picked.map(({ id }) => id),
      ),
    );
    return true;
  };
  useKeys([
    { keys: ["c"], what: "compare what is selected", run: compare },
    {
      keys: ["Escape"],
      what: "select nothing",
      run: () => {
        if (marked.value.size === 0) return false;
        marked.value = new Map();
        return true;
      },
    },
  ]);
  return (
    <>
      <div class="toolbar">
        <FilterBox
          value={search}
          placeholder="Filter by name"
          onValue={(text) => setQuery({ search: text })}
        />
        <span class="space" />
        <button
          type="button"
          class={marked.value.size > 1 ? "button primary" : "button"}
          disabled={marked.value.size < 2}
          onClick={compare}
          title={marked.value.size < 2 ? "select two or more" : "compare what is selected c"}
        >
          Compare{marked.value.size > 0 ? ` ${marked.value.size}` : ""}
        </button>
        <ColumnChooser
          columns={all.map(({ column, name }) => ({ id: column.id, name }))}
          shown={all.filter(isShown).map(({ column }) => column.id)}
          onShown={(ids) =>
            setQuery({
              show: all
                .filter(({ column, usual }) => !usual && ids.includes(column.id))
                .map(({ column }) => column.id),
              hide: all
                .filter(({ column, usual }) => usual && !ids.includes(column.id))
                .map(({ column }) => column.id),
            })
          }
          onReset={() => setQuery({ show: null, hide: null })}
        />
      </div>
      <Table
        label="experiments"
        columns={columns}
        rows={rows}
        rowKey={({ id }) => id}
        href={({ name }) => path.experiment(org, project, name)}
        marked={new Set(marked.value.keys())}
        onMark={(key, row) => {
          const next = new Map(marked.value);
          if (!next.delete(key)) next.set(key, row);
          marked.value = next;
        }}
        sort={sort}
        onSort={(by) => {
          const next = nextSort(sort, by, FALLBACK);
          setQuery(next === FALLBACK ? { sort: null, order: null } : { sort: next.by, order: next.order });
        }}
        empty={<Empty title={`No experiment has "${search}" in its name`} />}
      />
    </>
  );
}
