// One row of a table. Scrolling makes rows that come into view and leaves those that stay alone.

import { Component } from "preact";
import { rowClass } from "./PlainRow";
import type { Column } from "./Table";

export interface TableRowProps {
  readonly id: string;
  readonly index: number;
  /** Pixels from the top of the first row. */
  readonly top: number;
  /** Absent until it is loaded. */
  readonly row: unknown;
  readonly columns: readonly Column<unknown>[];
  /** Characters of each column that may be seen. */
  readonly most: readonly number[];
  readonly href: string | undefined;
  readonly isActive: boolean;
  readonly isOpen: boolean;
  /** Absent in tables without marks. */
  readonly isMarked: boolean | undefined;
}

export class TableRow extends Component<TableRowProps> {
  override shouldComponentUpdate(next: TableRowProps): boolean {
    const now = this.props;
    return (
      next.row !== now.row ||
      next.index !== now.index ||
      next.columns !== now.columns ||
      next.href !== now.href ||
      next.isActive !== now.isActive ||
      next.isOpen !== now.isOpen ||
      next.isMarked !== now.isMarked
    );
  }

  override render(props: TableRowProps) {
    const { id, index, top, row, columns, href, isActive, isMarked } = props;
    return (
      <div
        id={id}
        class={rowClass(props)}
        role="row"
        aria-rowindex={index + 2}
        aria-selected={isMarked ?? isActive}
        style={{ top: `${top}px` }}
      >
        {isMarked !== undefined && (
          <div role="gridcell" class="mark">
            <label>
              <input
                type="checkbox"
                tabIndex={-1}
                checked={isMarked}
                disabled={row === undefined}
                aria-label="select"
              />
            </label>
          </div>
        )}
        {columns.map((column, place) => cell(column, row, place === 0, href))}
      </div>
    );
  }
}

function cell(column: Column<unknown>, row: unknown, first: boolean, href: string | undefined) {
  const content =
    row === undefined ? (
      <span class="bone" />
    ) : first && href !== undefined ? (
      <a href={href} tabIndex={-1}>
        {column.cell(row)}
      </a>
    ) : (
      column.cell(row)
    );
  return (
    <div key={column.id} role="gridcell" class={first ? "stays" : column.align}>
      {content}
    </div>
  );
}
