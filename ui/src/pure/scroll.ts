// Which rows of a long table exist as elements.

export interface Span {
  readonly first: number;
  /** One past the last. */
  readonly end: number;
}

/**
 * Rows that may be seen, and some around them. Moves in steps of `step` rows, so that most scroll events
 * change nothing.
 */
export function visible(top: number, height: number, rowHeight: number, rows: number, step = 4): Span {
  const first = Math.floor(Math.max(top, 0) / rowHeight / step) * step - step;
  const end = Math.ceil((Math.max(top, 0) + height) / rowHeight / step) * step + step;
  return { first: Math.min(Math.max(first, 0), rows), end: Math.min(Math.max(end, 0), rows) };
}

/** The scroll position at which a row is seen whole; the present one if it already is. */
export function reveal(row: number, top: number, height: number, rowHeight: number): number {
  const [from, to] = [row * rowHeight, (row + 1) * rowHeight];
  if (from < top) return from;
  return to > top + height ? to - height : top;
}
