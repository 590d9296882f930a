// The times above a picture, drawn.

import type { Domain } from "../pure/scale";
import { timeTicks } from "../pure/view";
import type { Palette } from "./canvas";

/** Needs the colours `line-strong` and `faint`. */
export function drawRuler(
  context: CanvasRenderingContext2D,
  view: Domain,
  zero: number,
  width: number,
  height: number,
  palette: Palette,
): void {
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "middle";
  for (const { at, label } of timeTicks(view, zero, width)) {
    const x = Math.round(((at - view.from) / (view.to - view.from)) * width);
    context.fillStyle = palette["line-strong"] as string;
    context.fillRect(x, height - 6, 1, 6);
    context.fillStyle = palette.faint as string;
    // The last one would be cut.
    if (x + 4 + label.length * 6.2 <= width) context.fillText(label, x + 4, height / 2 + 1);
  }
}
