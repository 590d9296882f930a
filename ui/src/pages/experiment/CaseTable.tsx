// The table of cases.

import { useMemo } from "preact/hooks";
import type { Paged } from "../../api/paged";
import { useQuery } from "../../parts/hooks";
import { Empty } from "../../parts/states";
import { type Column, pagedRows, Table } from "../../parts/Table";
import { noConditions } from "../../pure/cases";
import { nextSort } from "../../pure/filters";
import { type CaseRow, rowKey } from "./rows";
import { FALLBACK, sortOf, type View } from "./useRows";

export interface CaseTableProps {
  readonly list: Paged<CaseRow>;
  readonly view: View;
  readonly columns: readonly Column<CaseRow>[];
  /** How many rows there will be, if that is known. */
  readonly total: number | undefined;
  readonly query: URLSearchParams;
  readonly open: string | null;
  readonly onOpen: (key: string) => void;
  readonly href: (key: string) => string;
}

export function CaseTable({ list, view, columns, total, query, open, onOpen, href }: CaseTableProps) {
  const [, setQuery] = useQuery();
  const [items, done] = [list.items.value, list.done.value];
  const rows = useMemo(
    () => pagedRows(items, done, (end) => void list.want(end), total),
    [list, items, done, total],
  );
  const sort = sortOf(query);
  return (
    <Table
      label="cases"
      columns={columns}
      rows={rows}
      rowKey={rowKey}
      href={(row) => href(rowKey(row))}
      onOpen={(row) => onOpen(rowKey(row))}
      open={open}
      sort={sort}
      onSort={(by) => {
        const next = nextSort(sort, by, FALLBACK);
        setQuery(
          next === FALLBACK
            ? { sort: null, order: null, which: null }
            : { sort: next.by, order: next.order, which: null },
        );
      }}
      empty={
        view === "changes" ? (
          <Empty title="No case of both experiments is like that" />
        ) : (
          <Empty title="No case meets all conditions">
            <button type="button" class="button" onClick={() => setQuery(noConditions(query))}>
              Clear conditions
            </button>
          </Empty>
        )
      }
    />
  );
}
