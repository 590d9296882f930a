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

/**
 * Rows that may be seen after a scroll position jumped further than a window: none around them, since
 * there is nothing to scroll to before the next jump.
 */
export function exactly(top: number, height: number, rowHeight: number, rows: number): Span {
  const first = Math.floor(Math.max(top, 0) / rowHeight);
  const end = Math.ceil((Math.max(top, 0) + height) / rowHeight);
  return { first: Math.min(first, rows), end: Math.min(Math.max(end, 0), rows) };
}

/**
 * Characters of each column that may be seen: shaping the rest of a long text costs more than all else of
 * a row. Columns are as wide as CSS makes them: `grow` ones share what the others leave.
 */
export function characters(
  columns: readonly { readonly width: number; readonly grow?: number }[],
  width: number,
): number[] {
  const least = columns.reduce((sum, { width }) => sum + width, 0);
  const parts = columns.reduce((sum, { grow = 0 }) => sum + grow, 0);
  const left = Math.max(width - least, 0);
  // Most columns are narrower than this says, none is wider: what is left over is counted to each by its
  // part, on top of its least width.
  return columns.map(({ width, grow = 0 }) => {
    const most = width + (parts > 0 ? (left + least) * (grow / parts) : 0);
    return Math.ceil(most / NARROW) + 1;
  });
}

/** Pixels of a narrow letter. */
const NARROW = 4;

/** The scroll position at which a row is seen whole; the present one if it already is. */
export function reveal(row: number, top: number, height: number, rowHeight: number): number {
  const [from, to] = [row * rowHeight, (row + 1) * rowHeight];
  if (from < top) return from;
  return to > top + height ? to - height : top;
}
