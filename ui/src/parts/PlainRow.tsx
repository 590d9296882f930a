// One row of a table whose cells are all texts. It fills its elements by itself: while the bar of a long
// table is dragged every row changes in every frame, and a comparison of element trees costs more than that.

import { Component, createRef } from "preact";
import type { TableRowProps } from "./TableRow";

interface Cell {
  readonly cell: HTMLElement;
  readonly text: Text;
  readonly bar: HTMLElement | null;
}

export class PlainRow extends Component<TableRowProps> {
  readonly #line = createRef<HTMLDivElement>();
  #cells: Cell[] = [];
  #link: HTMLAnchorElement | null = null;

  override shouldComponentUpdate(next: TableRowProps): boolean {
    const { columns, isMarked } = this.props;
    if (next.columns !== columns || (next.isMarked === undefined) !== (isMarked === undefined)) return true;
    this.#fill(next, this.props);
    return false;
  }

  override componentDidMount(): void {
    this.#find();
  }

  override componentDidUpdate(): void {
    this.#find();
  }

  /** What changes from row to row is not here: it would be compared with what was rendered last. */
  override render({ columns, isMarked, href }: TableRowProps) {
    return (
      <div ref={this.#line} class="row" role="row">
        {isMarked !== undefined && (
          <div role="gridcell" class="mark">
            <label>
              <input type="checkbox" tabIndex={-1} aria-label="select" />
            </label>
          </div>
        )}
        {columns.map(({ id, align, bar }, place) => (
          <div
            key={id}
            role="gridcell"
            class={place === 0 ? "stays" : [align, bar && "barred"].filter(Boolean).join(" ")}
          >
            {place === 0 && href !== undefined && <a href={href} tabIndex={-1} />}
            {bar && <i />}
          </div>
        ))}
      </div>
    );
  }

  #find(): void {
    const line = this.#line.current;
    if (!line) return;
    const cells = [...line.children].filter(
      (one): one is HTMLElement => one.role === "gridcell" && one.className !== "mark",
    );
    this.#link = line.querySelector("a");
    this.#cells = cells.map((cell) => {
      const bar = cell.querySelector("i");
      const box = cell.querySelector("a") ?? cell;
      const had = [...box.childNodes].find((node) => node instanceof Text);
      const text = had ?? document.createTextNode("");
      if (!had) box.insertBefore(text, bar);
      return { cell, text, bar };
    });
    this.#fill(this.props, null);
  }

  #fill(now: TableRowProps, before: TableRowProps | null): void {
    const line = this.#line.current;
    if (!line) return;
    if (now.index !== before?.index) {
      line.style.top = `${now.top}px`;
      line.ariaRowIndex = String(now.index + 2);
      line.id = now.id;
    }
    const look = rowClass(now);
    if (before === null || look !== rowClass(before)) {
      line.className = look;
      line.ariaSelected = String(now.isMarked ?? now.isActive);
      const box = now.isMarked === undefined ? null : line.querySelector("input");
      if (box) [box.checked, box.disabled] = [now.isMarked === true, now.row === undefined];
    }
    if (this.#link && now.href !== before?.href) {
      if (now.href === undefined) this.#link.removeAttribute("href");
      else this.#link.setAttribute("href", now.href);
    }
    if (before !== null && now.row === before.row && now.most === before.most) return;
    for (let place = 0; place < this.#cells.length; place += 1) {
      const column = now.columns[place];
      const found = this.#cells[place];
      if (column === undefined || found === undefined) continue;
      const all = now.row === undefined ? "" : (column.text?.(now.row) ?? "");
      const text = all.slice(0, now.most[place]);
      if (found.text.data !== text) found.text.data = text;
      if (column.tone) {
        const tone = (now.row !== undefined && column.tone(now.row)) || "";
        if ((found.cell.dataset.tone ?? "") !== tone) found.cell.dataset.tone = tone;
      }
      if (found.bar && column.bar) {
        const share = now.row === undefined ? null : column.bar(now.row);
        const transform = `scaleX(${share === null ? 0 : Math.min(Math.max(share, 0), 1).toFixed(3)})`;
        if (found.bar.style.transform !== transform) found.bar.style.transform = transform;
      }
    }
  }
}

export function rowClass({ row, isActive, isOpen, isMarked }: TableRowProps): string {
  let classes = "row";
  if (row === undefined) classes += " bones";
  if (isActive) classes += " active";
  if (isOpen) classes += " open";
  if (isMarked) classes += " marked";
  return classes;
}
