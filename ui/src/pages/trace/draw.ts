// Bars of a waterfall on a canvas: only the rows that exist as elements, whatever the size of the trace.

import type { Palette } from "../../parts/canvas";
import { duration } from "../../pure/format";
import type { Domain } from "../../pure/scale";
import type { Span, Tree } from "../../pure/trace";
import { timeTicks } from "../../pure/view";

export const ROW_PIXELS = 24;
const BAR_TOP = 5;
const BAR_PIXELS = 14;
const FONT = "11px system-ui, sans-serif";

/** Types with a colour of their own; all others share one. */
export const TYPES = ["llm", "tool", "function", "task", "score", "eval"] as const;

export const COLOURS: readonly string[] = [
  ...TYPES.map((type) => `span-${type}`),
  "span-other",
  "line",
  "line-strong",
  "text",
  "muted",
  "faint",
  "worse",
  "ground",
  "found",
  "accent",
];

export function tone(type: string): string {
  return (TYPES as readonly string[]).includes(type) ? `span-${type}` : "span-other";
}

export interface Scene {
  readonly tree: Tree;
  readonly rows: Int32Array;
  readonly first: number;
  readonly end: number;
  readonly view: Domain;
  readonly width: number;
  readonly palette: Palette;
  readonly path: ReadonlyMap<number, readonly Domain[]> | null;
  readonly found: ReadonlySet<number> | null;
  /** Whether bars say how long they took. */
  readonly labels: boolean;
}

export function drawRows(context: CanvasRenderingContext2D, scene: Scene): void {
  const { tree, rows, first, end, view, width, palette } = scene;
  const height = (end - first) * ROW_PIXELS;
  context.fillStyle = palette.line as string;
  for (const { at } of timeTicks(view, tree.extent.from, width)) {
    context.fillRect(Math.round(xOf(at, view, width)), 0, 1, height);
  }
  context.font = FONT;
  context.textBaseline = "middle";
  for (let row = first; row < end; row++) {
    const index = rows[row] as number;
    const span = tree.spans[index];
    if (span) drawBar(context, scene, span, index, (row - first) * ROW_PIXELS);
  }
}

function xOf(time: number, { from, to }: Domain, width: number): number {
  return ((time - from) / (to - from)) * width;
}

function drawBar(
  context: CanvasRenderingContext2D,
  scene: Scene,
  span: Span,
  index: number,
  top: number,
): void {
  const { view, width, palette, path, found } = scene;
  const [left, right] = [xOf(span.start, view, width), xOf(span.end, view, width)];
  if (right < 0 || left > width) {
    context.fillStyle = palette.faint as string;
    context.fillText(right < 0 ? "‹" : "›", right < 0 ? 3 : width - 8, top + ROW_PIXELS / 2);
    return;
  }
  // What begins or ends outside is cut there: canvases do not like coordinates of millions.
  const [from, to] = [Math.max(left, -4), Math.min(right, width + 4)];
  const bar = Math.max(to - from, 2);
  const y = top + BAR_TOP;
  context.globalAlpha = found && !found.has(index) ? 0.3 : 1;
  context.fillStyle = palette[tone(span.type)] as string;
  context.beginPath();
  context.roundRect(from, y, bar, BAR_PIXELS, Math.min(2, bar / 2));
  context.fill();
  if (span.firstToken !== null && span.firstToken <= span.end - span.start) {
    const token = Math.min(xOf(span.start + span.firstToken, view, width), to);
    // Until the first token the bar is paler, with a line where it came.
    context.fillStyle = palette.ground as string;
    context.globalAlpha *= 0.5;
    if (token > from) context.fillRect(from, y, token - from, BAR_PIXELS);
    context.globalAlpha = found && !found.has(index) ? 0.3 : 1;
    if (token >= 0 && bar > 6) {
      context.fillStyle = palette.text as string;
      context.fillRect(Math.round(token), y - 2, 1, BAR_PIXELS + 4);
    }
  }
  if (span.open) hatch(context, from, y, bar, palette.ground as string);
  if (span.failed) {
    context.strokeStyle = palette.worse as string;
    context.lineWidth = 1.5;
    context.beginPath();
    context.roundRect(from + 0.75, y + 0.75, Math.max(bar - 1.5, 1), BAR_PIXELS - 1.5, 2);
    context.stroke();
  }
  for (const piece of path?.get(index) ?? []) {
    const [a, b] = [Math.max(xOf(piece.from, view, width), 0), Math.min(xOf(piece.to, view, width), width)];
    context.fillStyle = palette.text as string;
    if (b > 0 && a < width) context.fillRect(a, y + BAR_PIXELS + 1, Math.max(b - a, 1), 2);
  }
  drawLabel(context, scene, span, from, from + bar, top);
  context.globalAlpha = 1;
}

/** Its type on the bar; beside it what no column says: how long it took, that it failed or runs. */
function drawLabel(
  context: CanvasRenderingContext2D,
  { width, palette, labels, view }: Scene,
  span: Span,
  from: number,
  to: number,
  top: number,
): void {
  const middle = top + ROW_PIXELS / 2;
  const type = span.type.slice(0, 12);
  let start = Math.max(from, 0) + 5;
  if (span.firstToken !== null) {
    // Not across the line of the first token.
    const token = xOf(span.start + span.firstToken, view, width);
    if (token > start - 3 && token < start + wide(type)) start = token + 5;
  }
  // About six pixels a character: measuring each would take longer than drawing them.
  if (type && start + wide(type) + 5 <= Math.min(to, width)) {
    // Where the bar is pale.
    const pale =
      span.open || (span.firstToken !== null && start < xOf(span.start + span.firstToken, view, width));
    context.fillStyle = palette[pale ? "text" : "ground"] as string;
    context.fillText(type, start, middle);
  }
  const took = span.open ? "running" : labels ? duration(span.end - span.start) : "";
  const text = [span.failed ? "✕" : "", took].filter(Boolean).join(" ");
  if (text === "") return;
  context.fillStyle = palette[span.failed ? "worse" : "muted"] as string;
  if (to + 6 + wide(text) <= width) context.fillText(text, to + 6, middle);
  else if (from - 6 - wide(text) >= 0) context.fillText(text, from - 4 - wide(text), middle);
}

function wide(text: string): number {
  return text.length * 6.2;
}

/** Stripes at the end of what has not ended. */
function hatch(context: CanvasRenderingContext2D, x: number, y: number, width: number, colour: string): void {
  context.save();
  context.beginPath();
  context.rect(x, y, width, BAR_PIXELS);
  context.clip();
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.globalAlpha = 0.6;
  context.beginPath();
  for (let at = Math.max(x, x + width - 60); at < x + width + BAR_PIXELS; at += 6) {
    context.moveTo(at, y);
    context.lineTo(at - BAR_PIXELS, y + BAR_PIXELS);
  }
  context.stroke();
  context.restore();
}
