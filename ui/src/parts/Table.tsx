// A table of any length: only what is seen exists as elements, and rows are asked for as they come into view.

import { batch, useSignal } from "@preact/signals";
import type { ComponentChildren, CSSProperties } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import type { Sort } from "../pure/filters";
import { rowAfter } from "../pure/keys";
import { characters, exactly, reveal, visible } from "../pure/scroll";
import { useSize } from "./hooks";
import { useKeys } from "./keyboard";
import { PlainRow } from "./PlainRow";
import { TableHead } from "./TableHead";
import { TableRow } from "./TableRow";

export const ROW_HEIGHT = 28;

/** Rows by which the window moves. */
const STEP = 4;

/** After a jump the rows around those that are seen are made when it has been still for so long. */
const STILL_MS = 150;

export interface Column<T> {
  readonly id: string;
  readonly head: ComponentChildren;
  /** Said of the column when the pointer rests on its head. */
  readonly hint?: string;
  /** Must not keep state: elements are used for one row after another. */
  readonly cell: (row: T) => ComponentChildren;
  /** The cell as a text. Where all columns have one, scrolling costs half as much: see [plainColumn]. */
  readonly text?: (row: T) => string;
  /** `data-tone` of the cell of such a column, for its colour. */
  readonly tone?: (row: T) => string | null;
  /** A line below its text, as a part of the width. */
  readonly bar?: (row: T) => number | null;
  /** Pixels; a column with `grow` takes what is left over, and at least this. */
  readonly width: number;
  readonly grow?: number;
  readonly align?: "end";
  /** What `onSort` gets; without it the head is no button. */
  readonly sort?: string;
  /** The text of a cell, shown in full when the pointer rests on it. */
  readonly title?: (row: T) => string;
}

/** A column of texts. */
export function plainColumn<T>(
  column: Omit<Column<T>, "cell" | "text"> & { readonly text: (row: T) => string },
): Column<T> {
  return { ...column, cell: column.text };
}

/** Where rows come from: by index, and as far as they are looked at. */
export interface Rows<T> {
  /** How many there are, those that are not loaded included. */
  readonly length: number;
  /** Absent until it is loaded. */
  readonly at: (index: number) => T | undefined;
  /** Rows up to `end` are about to be seen. */
  readonly want?: (end: number) => void;
}

export interface TableProps<T> {
  /** For screen readers. */
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly rows: Rows<T>;
  readonly rowKey: (row: T) => string;
  /** A row with an address is a link: it opens in a new tab like any other. */
  readonly href?: (row: T) => string;
  /** Enter and click; without it they follow `href`. */
  readonly onOpen?: (row: T, index: number) => void;
  /** Key of the row that is open, such as in a drawer. */
  readonly open?: string | null;
  readonly sort?: Sort;
  readonly onSort?: (by: string) => void;
  /** Rows with a mark, by key; shows a column of boxes. */
  readonly marked?: ReadonlySet<string>;
  readonly onMark?: (key: string, row: T) => void;
  /** Shown instead of rows when there are none. */
  readonly empty?: ComponentChildren;
  /** Keys of the table are those of the page (default), or only while it has the focus. */
  readonly keysWhen?: "always" | "focused";
}

/** The rows of a list by cursor; `total` if it is known how many there will be. */
export function pagedRows<T>(
  items: readonly T[],
  done: boolean,
  want: (rows: number) => void,
  total?: number,
): Rows<T> {
  // A few rows in the making show that there is more; the bar moves on as they come.
  const more = done ? items.length : Math.max(items.length + 3, total ?? 0);
  return {
    length: more,
    at: (index) => items[index],
    want: (end) => !done && end > items.length - 50 && want(end + 50),
  };
}

export function Table<T>(props: TableProps<T>) {
  const { columns, rows, rowKey, marked, sort } = props;
  const box = useRef<HTMLDivElement>(null);
  const size = useSize(box);
  const top = useSignal(0);
  /** Whether the scroll bar is dragged so fast that no row stays in view. */
  const jumps = useSignal(false);
  const still = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const held = useRef<number[]>([]);
  const active = useSignal(-1);
  const { route } = useLocation();

  const height = Math.max(size.value.height - ROW_HEIGHT, ROW_HEIGHT);
  // `top` moves in steps, so that most scroll events change nothing.
  const { first, end } = jumps.value
    ? exactly(top.value, height, ROW_HEIGHT, rows.length)
    : visible(top.value, height + STEP * ROW_HEIGHT, ROW_HEIGHT, rows.length, STEP);
  // Elements of rows that go out of view become those that come into view, at their place in the document.
  const slots = Math.ceil(height / ROW_HEIGHT / STEP) * STEP + 4 * STEP;
  const Line = useMemo(() => (columns.every(({ text }) => text) ? PlainRow : TableRow), [columns]);
  useEffect(() => rows.want?.(end), [end, rows]);
  // A shorter list must not leave the cursor behind its end.
  if (active.peek() >= rows.length) active.value = rows.length - 1;

  const open = (index: number) => {
    const row = rows.at(index);
    if (row === undefined) return false;
    active.value = index;
    if (props.onOpen) props.onOpen(row, index);
    else if (props.href) route(props.href(row));
    return true;
  };
  const go = (name: string) => {
    const page = Math.max(Math.floor(height / ROW_HEIGHT) - 1, 1);
    const next = rowAfter(name, active.peek(), rows.length, page);
    if (next === null || !box.current) return false;
    active.value = next;
    box.current.scrollTop = reveal(next, box.current.scrollTop, height, ROW_HEIGHT);
    box.current.focus({ preventScroll: true });
    return true;
  };
  const mark = () => {
    const row = rows.at(active.peek());
    if (row === undefined || !props.onMark) return false;
    props.onMark(rowKey(row), row);
    return true;
  };
  const focused = () => box.current?.contains(document.activeElement) ?? false;
  useKeys(
    [
      { keys: ["j"], what: "next row", run: () => go("j") },
      { keys: ["k"], what: "previous row", run: () => go("k") },
      // Arrows scroll the page and drawers, unless the table was gone to.
      ...["ArrowDown", "ArrowUp", "PageDown", "PageUp", "Home", "End"].map((name) => ({
        keys: [name],
        what: "",
        run: () => focused() && go(name),
      })),
      {
        keys: ["Enter"],
        what: "open the row",
        run: () => document.activeElement === box.current && open(active.peek()),
      },
      ...(props.onMark ? [{ keys: ["x"], what: "select the row", run: mark }] : []),
    ],
    props.keysWhen !== "focused",
  );

  const most = useMemo(() => characters(columns, size.value.width), [columns, size.value.width]);
  const least = useMemo(() => columns.reduce((sum, { width }) => sum + width, marked ? 36 : 0), [columns]);
  const shape = useMemo(() => {
    const widths = columns.map(({ width, grow }) => (grow ? `minmax(${width}px, ${grow}fr)` : `${width}px`));
    // On a phone a first column as wide as elsewhere would leave nothing for those that scroll.
    const first = columns[0];
    if (first?.grow) widths[0] = `minmax(min(${first.width}px, 42vw), ${first.grow}fr)`;
    const mark = marked ? "calc(var(--row) + var(--side) - 8px)" : "";
    return { "--columns": [mark, ...widths].join(" "), "--least": `${least}px` };
  }, [columns, marked !== undefined]);

  // One handler for all rows: they are made and thrown away by the dozen while scrolling.
  const click = (event: MouseEvent) => {
    const target = event.target as HTMLElement;
    const line = target.closest<HTMLElement>("[aria-rowindex]");
    const index = Number(line?.ariaRowIndex) - 2;
    const row = line ? rows.at(index) : undefined;
    if (row === undefined) return;
    if (target.closest(".mark")) {
      active.value = index;
      if (target instanceof HTMLInputElement) props.onMark?.(rowKey(row), row);
      return;
    }
    // With these a browser opens a tab or selects text, here as everywhere.
    if (event.ctrlKey || event.metaKey || event.shiftKey || window.getSelection()?.toString()) return;
    if (target.closest("button")) return;
    event.preventDefault();
    event.stopPropagation();
    open(index);
  };

  // Set when it is asked for: few of the titles that rows would carry along are ever seen.
  const point = (event: PointerEvent) => {
    const cell = (event.target as HTMLElement).closest<HTMLElement>("[role=gridcell]");
    const line = cell?.parentElement;
    if (!cell || !line) return;
    const row = rows.at(Number(line.ariaRowIndex) - 2);
    const column = columns[[...line.children].indexOf(cell) - (marked ? 1 : 0)];
    const title = (row !== undefined && column?.title?.(row)) || "";
    if (cell.title !== title) cell.title = title;
  };

  const scrolled = (now: number) => {
    const jump = Math.abs(now - top.peek()) > height;
    clearTimeout(still.current);
    if (jump) {
      still.current = setTimeout(() => {
        jumps.value = false;
      }, STILL_MS);
    }
    batch(() => {
      jumps.value = jump;
      top.value = jump ? now : Math.floor(now / ROW_HEIGHT / STEP) * STEP * ROW_HEIGHT;
    });
  };
  useEffect(() => () => clearTimeout(still.current), []);

  // Other elements than before: what they hold is nothing to go by.
  if (held.current.length !== slots) held.current = new Array(slots).fill(Number.POSITIVE_INFINITY);
  const shown = [];
  for (let slot = 0; slot < slots; slot += 1) {
    const wanted = first + ((((slot - first) % slots) + slots) % slots);
    // What is out of view stays as it is, where it is, until its element is needed.
    const index = wanted < end ? wanted : (held.current[slot] as number);
    held.current[slot] = index;
    if (index >= rows.length) continue;
    const row = rows.at(index);
    const key = row === undefined ? null : rowKey(row);
    shown.push(
      <Line
        key={slot}
        id={`${props.label}-${index}`}
        index={index}
        top={index * ROW_HEIGHT}
        row={row}
        columns={columns as readonly Column<unknown>[]}
        most={most}
        href={row !== undefined ? props.href?.(row) : props.href && ""}
        isActive={active.value === index}
        isOpen={key !== null && key === props.open}
        isMarked={key !== null && marked ? marked.has(key) : marked && false}
      />,
    );
  }

  return (
    <div
      ref={box}
      class={least > size.value.width ? "table wide" : "table"}
      role="grid"
      aria-label={props.label}
      aria-rowcount={rows.length + 1}
      aria-multiselectable={marked ? "true" : undefined}
      aria-activedescendant={active.value >= 0 ? `${props.label}-${active.value}` : undefined}
      tabIndex={0}
      style={shape as unknown as CSSProperties}
      onScroll={(event) => scrolled(event.currentTarget.scrollTop)}
    >
      <div class="table-head" role="row">
        {marked && <div class="mark" role="columnheader" aria-label="selected" />}
        {columns.map((column, place) => (
          <TableHead
            key={column.id}
            stays={place === 0}
            column={column as Column<unknown>}
            sort={sort}
            onSort={props.onSort}
          />
        ))}
      </div>
      {rows.length === 0 ? (
        <div class="table-empty" role="row">
          <div role="gridcell">{props.empty}</div>
        </div>
      ) : (
        <div class="table-body" style={{ height: `${rows.length * ROW_HEIGHT}px` }}>
          {/* biome-ignore lint/a11y/noStaticElementInteractions: the grid around has the focus and handles keys */}
          {/* biome-ignore lint/a11y/useKeyWithClickEvents: see above */}
          <div class="table-window" onClick={click} onPointerMove={point}>
            {shown}
          </div>
        </div>
      )}
    </div>
  );
}
