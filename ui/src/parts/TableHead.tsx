// The head of one column, which sorts by it where that can be.

import type { Sort } from "../pure/filters";
import type { Column } from "./Table";

export interface TableHeadProps {
  readonly stays: boolean;
  readonly column: Column<unknown>;
  readonly sort: Sort | undefined;
  readonly onSort: ((by: string) => void) | undefined;
}

export function TableHead({ column, sort, onSort, stays }: TableHeadProps) {
  const by = column.sort;
  const order = by !== undefined && sort?.by === by ? sort.order : null;
  return (
    <div
      role="columnheader"
      class={stays ? "stays" : column.align}
      title={column.hint}
      aria-sort={order === null ? undefined : order === "asc" ? "ascending" : "descending"}
    >
      {by !== undefined && onSort ? (
        <button type="button" onClick={() => onSort(by)}>
          <span class="cut">{column.head}</span>
          <span class="sort" aria-hidden="true">
            {order === "asc" ? "↑" : order === "desc" ? "↓" : ""}
          </span>
        </button>
      ) : (
        <span class="cut">{column.head}</span>
      )}
    </div>
  );
}
