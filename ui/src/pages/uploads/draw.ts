// Lanes of requests as bars, and curves of what waited meanwhile.

import type { Palette } from "../../parts/canvas";
import { columnsOf, ending, firstSeen, type Picture, type Request, type Steps } from "../../pure/profile";
import type { Domain } from "../../pure/scale";
import { timeTicks } from "../../pure/view";

export const LANE_PIXELS = 20;
export const CURVE_PIXELS = 40;
/** More lanes share one curve of how many are busy. */
export const MOST_LANES = 64;

export const COLOURS = [
  "accent",
  "undecided",
  "worse",
  "ground",
  "text",
  "muted",
  "faint",
  "line",
  "line-strong",
  "chosen",
] as const;

export interface Curve {
  readonly name: string;
  readonly about: string;
  readonly steps: Steps | null;
  /** What it came to. */
  readonly summary: string;
  /** A line that it must not cross, such as the budget. */
  readonly limit?: number | null;
}

export interface Scene {
  readonly picture: Picture;
  readonly lanes: Picture["lanes"];
  readonly curves: readonly Curve[];
  readonly view: Domain;
  readonly width: number;
  readonly palette: Palette;
  readonly picked: Request | null;
}

export function heightOf(lanes: number, curves: number): number {
  return lanes * LANE_PIXELS + curves * CURVE_PIXELS;
}

export function draw(context: CanvasRenderingContext2D, scene: Scene): void {
  const { lanes, curves, view, width, palette } = scene;
  const height = heightOf(lanes.length, curves.length);
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "middle";
  context.fillStyle = palette.line as string;
  for (const { at } of timeTicks(view, 0, width)) context.fillRect(Math.round(xOf(at, scene)), 0, 1, height);
  for (const [row, { requests }] of lanes.entries()) drawLane(context, scene, requests, row * LANE_PIXELS);
  for (const [row, curve] of curves.entries()) {
    drawCurve(context, scene, curve, lanes.length * LANE_PIXELS + row * CURVE_PIXELS);
  }
}

function xOf(time: number, { view, width }: Scene): number {
  return ((time - view.from) / (view.to - view.from)) * width;
}

const TONES = { accepted: "accent", retried: "undecided", failed: "worse" } as const;

function drawLane(
  context: CanvasRenderingContext2D,
  scene: Scene,
  requests: readonly Request[],
  top: number,
): void {
  const { view, width, palette, picked } = scene;
  const [y, high] = [top + 3, LANE_PIXELS - 6];
  let drawn = Number.NEGATIVE_INFINITY;
  for (let at = firstSeen(requests, view.from); at < requests.length; at++) {
    const request = requests[at] as Request;
    if (request.start > view.to) break;
    const how = ending(request);
    const [from, to] = [
      Math.max(xOf(request.start, scene), -2),
      Math.min(xOf(request.end, scene), width + 2),
    ];
    // Thousands in one pixel are one; but one that failed is seen among them.
    if (to < drawn && how === "accepted") continue;
    // A pixel is left free at the end, so that two without a gap remain two.
    const bar = Math.max(to - from - 1, 1);
    drawn = from + bar;
    context.fillStyle = palette[TONES[how]] as string;
    context.fillRect(from, y, bar, high);
    const text = how === "failed" ? `✕ ${request.status ?? "no answer"}` : how === "retried" ? "retry" : "";
    const label = text || `${request.rows}`;
    if (bar > label.length * 6.2 + 8) {
      context.fillStyle = palette.ground as string;
      context.fillText(label, Math.max(from, 0) + 4, top + LANE_PIXELS / 2);
    }
    if (request !== picked) continue;
    context.fillStyle = palette.text as string;
    context.fillRect(from, y - 2, Math.max(bar, 2), 2);
    context.fillRect(from, y + high, Math.max(bar, 2), 2);
    const queued = Math.max(xOf(request.queued, scene), 0);
    // Its oldest row waited since here.
    for (let x = queued; x < from; x += 5) context.fillRect(x, top + LANE_PIXELS / 2, 3, 1);
  }
}

function drawCurve(context: CanvasRenderingContext2D, scene: Scene, curve: Curve, top: number): void {
  const { view, width, palette } = scene;
  const base = top + CURVE_PIXELS - 1;
  context.fillStyle = palette["line-strong"] as string;
  context.fillRect(0, base, width, 1);
  const { steps } = curve;
  if (!steps || steps.most <= 0) return;
  const limit = curve.limit && curve.limit < steps.most * 2 ? curve.limit : null;
  const scale = (CURVE_PIXELS - 8) / Math.max(steps.most, limit ?? 0);
  const columns = columnsOf(steps, view.from, view.to, Math.round(width));
  context.beginPath();
  context.moveTo(0, base);
  for (let x = 0; x < columns.length; x++) {
    const y = base - (columns[x] as number) * scale;
    context.lineTo(x, y);
    context.lineTo(x + 1, y);
  }
  context.lineTo(width, base);
  context.closePath();
  context.globalAlpha = 0.28;
  context.fillStyle = palette.accent as string;
  context.fill();
  context.globalAlpha = 1;
  context.strokeStyle = palette.accent as string;
  context.lineWidth = 1;
  context.stroke();
  if (limit === null) return;
  context.fillStyle = palette.muted as string;
  const y = Math.round(base - limit * scale);
  for (let x = 0; x < width; x += 6) context.fillRect(x, y, 3, 1);
}
