// The whole trace in a strip, and the part of it that is seen.

import { effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type Palette, sharp } from "../../parts/canvas";
import { useSize } from "../../parts/hooks";
import { type TimeAxis, useTimeGestures } from "../../parts/timeAxis";
import { place } from "../../pure/scale";
import type { Span, Tree } from "../../pure/trace";
import { isWhole } from "../../pure/view";
import { tone } from "./draw";

export interface MinimapProps {
  readonly tree: Tree;
  readonly axis: TimeAxis;
  readonly palette: Palette;
}

const HEIGHT = 44;
/** Spans drawn in one go; a trace of 100 000 must not stop the page. */
const SPANS_A_FRAME = 1_500;

export function Minimap({ tree, axis, palette }: MinimapProps) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const seen = useRef<HTMLDivElement>(null);
  const { width } = useSize(box).value;

  useTimeGestures(box, axis, {
    area: () => ({ left: 0, width: box.current?.clientWidth ?? 0 }),
    scale: () => axis.extent.peek(),
    pans: (at) => {
      const view = axis.view.peek();
      return !isWhole(view, axis.extent.peek()) && at >= view.from && at <= view.to;
    },
  });

  useEffect(() => {
    const context = canvas.current && width > 0 ? sharp(canvas.current, width, HEIGHT) : null;
    if (!context) return;
    const { spans, extent } = tree;
    const high = Math.min(Math.max(HEIGHT / Math.max(spans.length, 1), 1), 4);
    let next = 0;
    let frame = 0;
    const draw = () => {
      const end = Math.min(next + SPANS_A_FRAME, spans.length);
      for (; next < end; next++) {
        const { start, end, type, failed } = spans[next] as Span;
        const from = place(start, extent) * width;
        context.fillStyle = palette[failed ? "worse" : tone(type)] as string;
        context.globalAlpha = failed ? 1 : 0.7;
        const top = Math.min((next / spans.length) * HEIGHT, HEIGHT - 1);
        context.fillRect(from, top, Math.max(place(end, extent) * width - from, failed ? 2 : 0.75), high);
      }
      if (next < spans.length) frame = requestAnimationFrame(draw);
    };
    frame = requestAnimationFrame(draw);
    return () => cancelAnimationFrame(frame);
  }, [tree, width, palette]);

  useEffect(
    () =>
      effect(() => {
        const part = axis.marked.value ?? axis.view.value;
        const extent = axis.extent.value;
        const [from, to] = [place(part.from, extent) * width, place(part.to, extent) * width];
        const style = seen.current?.style;
        if (!style) return;
        style.transform = `translateX(${from}px)`;
        style.width = `${Math.max(to - from, 3)}px`;
        style.visibility = isWhole(part, extent) ? "hidden" : "visible";
      }),
    [width],
  );
  return (
    <div
      class="tt-map"
      ref={box}
      style={{ height: `${HEIGHT}px` }}
      title="drag to choose a part of the time, double click for all of it"
    >
      <canvas ref={canvas} aria-hidden="true" />
      <div class="tt-seen" ref={seen} />
    </div>
  );
}
