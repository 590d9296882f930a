// The table of traces.

import type { Signal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { Paged } from "../../api/paged";
import type { Case } from "../../api/types";
import { useQuery } from "../../parts/hooks";
import { Empty } from "../../parts/states";
import { pagedRows, Table } from "../../parts/Table";
import { nextSort, type Sort } from "../../pure/filters";
import { path } from "../../pure/path";
import { choices, isShown } from "./columns";
import { FALLBACK } from "./Logs";

export interface TracesProps {
  readonly org: string;
  readonly project: string;
  readonly list: Paged<Case>;
  readonly sort: Sort;
  /** How many there are, if it is known. */
  readonly total: number | null;
  /** Whether the beginning of the list is seen. */
  readonly top: { current: boolean };
  /** Whether there is something new that is not shown yet. */
  readonly waiting: Signal<boolean>;
  readonly onReset: () => void;
}

/** Rows that are drawn while the top is seen: those of the largest window. */
const TOP_ROWS = 90;

export function Traces({ org, project, list, sort, total, top, waiting, onReset }: TracesProps) {
  const [query, setQuery] = useQuery();
  const items = list.items.value;
  const done = list.done.value;
  const rows = useMemo(() => {
    const rows = pagedRows(items, done, (end) => void list.want(end), total ?? undefined);
    return {
      ...rows,
      want: (end: number) => {
        top.current = end <= TOP_ROWS;
        rows.want?.(end);
      },
    };
  }, [list, items, done, done ? 0 : total]);
  const all = useMemo(() => choices(items, (tag) => setQuery({ tag })), [items, setQuery]);
  const [show, hide] = [query.getAll("show"), query.getAll("hide")];
  const columns = useMemo(
    () => all.filter((choice) => isShown(choice, show, hide)).map(({ column }) => column),
    [all, show.join("\n"), hide.join("\n")],
  );
  return (
    <>
      {waiting.value && (
        <button
          type="button"
          class="newer"
          onClick={() => {
            waiting.value = false;
            document.querySelector(".table")?.scrollTo({ top: 0 });
            void list.refresh();
          }}
        >
          ↑ Newer traces
        </button>
      )}
      <Table
        label="traces"
        columns={columns}
        rows={rows}
        rowKey={({ id }) => id}
        href={({ root_span_id }) => path.logTrace(org, project, root_span_id)}
        sort={sort}
        onSort={(by) => {
          const next = nextSort(sort, by, FALLBACK);
          setQuery(next === FALLBACK ? { sort: null, order: null } : { sort: next.by, order: next.order });
        }}
        empty={
          <Empty title="No trace meets all of these conditions">
            <p>
              Words must all occur in one span, within the first 1 024 bytes of its input, output or error.
            </p>
            <button type="button" class="button" onClick={onReset}>
              Clear
            </button>
          </Empty>
        }
      />
    </>
  );
}
