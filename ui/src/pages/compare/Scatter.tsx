// Each case as a dot: what it had in the base, and has now. Above the diagonal it gained.

import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { useSize } from "../../parts/hooks";
import { useKeys } from "../../parts/keyboard";
import { count, counted } from "../../pure/format";
import {
  along,
  axisOf,
  axisTicks,
  type Brush,
  dotsOf,
  type Point,
  radius,
  valueAt,
} from "../../pure/scatter";

export interface ScatterProps {
  readonly label: string;
  readonly points: readonly Point[];
  readonly format: (value: number) => string;
  readonly names: { readonly base: string; readonly current: string };
  /** Whether less is better. */
  readonly less: boolean;
  /** What a single point is called. */
  readonly describe: (index: number) => string;
  readonly brush: Brush | null;
  readonly onBrush: (brush: Brush | null) => void;
}

const AROUND = { left: 60, right: 24, top: 14, bottom: 44 };
const HEIGHT = 256;
/** Places each way that are told apart. */
const CELLS = 130;
/** Few places, such as of yes/no scores, say how many cases they stand for. */
const COUNTED_DOTS = 12;
const CLICK_PX = 4;

interface Drag {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

export function Scatter(props: ScatterProps) {
  const { points, format, names, less, brush } = props;
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width } = useSize(box).value;
  const drag = useSignal<Drag | null>(null);
  const over = useSignal<number | null>(null);
  const axis = useMemo(() => axisOf(points), [points]);
  const dots = useMemo(() => dotsOf(points, axis, CELLS), [points, axis]);
  const [inner, tall] = [
    Math.max(width - AROUND.left - AROUND.right, 1),
    HEIGHT - AROUND.top - AROUND.bottom,
  ];
  const x = (place: number) => AROUND.left + place * inner;
  const y = (place: number) => AROUND.top + (1 - place) * tall;

  useEffect(() => {
    const draw = () =>
      canvas.current && paint(canvas.current, width, dots, (dot) => [x(dot.x), y(dot.y)], less);
    draw();
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const watch = new MutationObserver(draw);
    watch.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    scheme.addEventListener("change", draw);
    return () => {
      watch.disconnect();
      scheme.removeEventListener("change", draw);
    };
  }, [dots, width, less]);
  useKeys([
    {
      keys: ["Escape"],
      what: "leave the part of the plot",
      run: () => {
        if (!brush) return false;
        props.onBrush(null);
        return true;
      },
    },
  ]);

  const at = (event: PointerEvent): [number, number] => {
    const { left, top } = box.current?.getBoundingClientRect() ?? { left: 0, top: 0 };
    return [event.clientX - left, event.clientY - top];
  };
  const nearest = (px: number, py: number): number | null => {
    let [best, least] = [null as number | null, 14 ** 2];
    dots.forEach((dot, index) => {
      const away = (x(dot.x) - px) ** 2 + (y(dot.y) - py) ** 2 - radius(dot.count) ** 2;
      if (away < least) [best, least] = [index, away];
    });
    return best;
  };
  const value = (px: number) => valueAt(axis, clamp((px - AROUND.left) / inner));
  const height = (py: number) => valueAt(axis, clamp(1 - (py - AROUND.top) / tall));
  const end = () => {
    const done = drag.value;
    drag.value = null;
    if (!done) return;
    if (Math.abs(done.x1 - done.x0) < CLICK_PX && Math.abs(done.y1 - done.y0) < CLICK_PX) {
      const dot = dots[nearest(done.x0, done.y0) ?? -1];
      if (!dot) return props.onBrush(null);
      // As wide as a dot is told apart.
      const half = 0.51 / CELLS;
      props.onBrush({
        base: [valueAt(axis, dot.x - half), valueAt(axis, dot.x + half)],
        current: [valueAt(axis, dot.y - half), valueAt(axis, dot.y + half)],
      });
      return;
    }
    const [left, right] = [Math.min(done.x0, done.x1), Math.max(done.x0, done.x1)];
    const [top, bottom] = [Math.min(done.y0, done.y1), Math.max(done.y0, done.y1)];
    // The edge of the plot is no limit: a dot on it belongs to what is marked.
    props.onBrush({ base: [value(left), value(right)], current: [height(bottom), height(top)] });
  };

  const shown = drag.value ?? (brush ? boxOf(brush, axis, x, y) : null);
  const hovered = over.value === null || drag.value ? undefined : dots[over.value];
  const few = dots.length <= COUNTED_DOTS;
  const ticks = axisTicks(axis, 5);
  return (
    <div
      ref={box}
      class="scatter"
      role="img"
      aria-label={props.label}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        const [px, py] = at(event);
        drag.value = { x0: px, y0: py, x1: px, y1: py };
        box.current?.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => {
        const [px, py] = at(event);
        if (drag.value) drag.value = { ...drag.value, x1: px, y1: py };
        else over.value = nearest(px, py);
      }}
      onPointerUp={end}
      onPointerCancel={() => {
        drag.value = null;
      }}
      onPointerLeave={() => {
        over.value = null;
      }}
    >
      {width > 0 && (
        <>
          <svg width={width} height={HEIGHT} aria-hidden="true">
            {ticks.map((tick) => (
              <g key={tick}>
                <line class="grid" x1={x(0)} x2={x(1)} y1={y(along(axis, tick))} y2={y(along(axis, tick))} />
                <line class="grid" x1={x(along(axis, tick))} x2={x(along(axis, tick))} y1={y(0)} y2={y(1)} />
                <text class="tick end" x={AROUND.left - 14} y={y(along(axis, tick)) + 4}>
                  {tickText(format(tick))}
                </text>
                <text class="tick middle" x={x(along(axis, tick))} y={HEIGHT - AROUND.bottom + 20}>
                  {tickText(format(tick))}
                </text>
              </g>
            ))}
            <text class="axis-name middle" x={x(0.5)} y={HEIGHT - 5}>
              {names.base}
              {axis.log ? " (logarithmic)" : ""}
            </text>
            <text class="axis-name middle" transform={`translate(13 ${y(0.5)}) rotate(-90)`}>
              {names.current}
            </text>
          </svg>
          <canvas ref={canvas} aria-hidden="true" />
          <svg class="scatter-over" width={width} height={HEIGHT} aria-hidden="true">
            <line class="diagonal" x1={x(0)} y1={y(0)} x2={x(1)} y2={y(1)} />
            {few &&
              dots.map((dot) => (
                <text
                  key={`${dot.x} ${dot.y}`}
                  class="dot-count"
                  x={dot.x > 0.8 ? x(dot.x) - radius(dot.count) - 5 : x(dot.x) + radius(dot.count) + 5}
                  text-anchor={dot.x > 0.8 ? "end" : "start"}
                  y={y(dot.y) + 4}
                >
                  {count(dot.count)}
                </text>
              ))}
            {shown && (
              <rect
                class="brush"
                x={Math.min(shown.x0, shown.x1)}
                y={Math.min(shown.y0, shown.y1)}
                width={Math.abs(shown.x1 - shown.x0)}
                height={Math.abs(shown.y1 - shown.y0)}
              />
            )}
            {hovered && (
              <circle class="ring" cx={x(hovered.x)} cy={y(hovered.y)} r={radius(hovered.count) + 2} />
            )}
          </svg>
        </>
      )}
      {hovered && (
        <div
          class="tip scatter-tip"
          style={{
            left: `${Math.min(x(hovered.x) + 12, Math.max(width - 232, 4))}px`,
            top: `${y(hovered.y) + 14}px`,
          }}
          role="status"
        >
          <strong class="cut">
            {hovered.count === 1 ? props.describe(hovered.first) : counted(hovered.count, "case")}
          </strong>
          <span>
            {format(points[hovered.first]?.base ?? 0)} → {format(points[hovered.first]?.current ?? 0)}
          </span>
        </div>
      )}
      {/* Colours of words, as the canvas needs them without variables. */}
      <span class="better" hidden />
      <span class="worse" hidden />
      <span class="faint" hidden />
    </div>
  );
}

function clamp(place: number): number {
  return Math.min(Math.max(place, 0), 1);
}

function boxOf(
  { base, current }: Brush,
  axis: ReturnType<typeof axisOf>,
  x: (place: number) => number,
  y: (place: number) => number,
): Drag {
  const air = 3;
  return {
    x0: x(along(axis, base[0])) - air,
    x1: x(along(axis, base[1])) + air,
    y0: y(along(axis, current[0])) + air,
    y1: y(along(axis, current[1])) - air,
  };
}

/** `100.00 %` is `100 %` where it is round. */
function tickText(text: string): string {
  return text.replace(/(\.\d*?)0+(?=\D|$)/, "$1").replace(/\.(?=\D|$)/, "");
}

/** Thousands of dots are smaller, or they would be one ground. */
function scale(dots: number): number {
  return dots > 1500 ? 0.7 : 1;
}

function paint(
  canvas: HTMLCanvasElement,
  width: number,
  dots: ReturnType<typeof dotsOf>,
  place: (dot: ReturnType<typeof dotsOf>[number]) => [number, number],
  less: boolean,
): void {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(HEIGHT * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${HEIGHT}px`;
  const context = canvas.getContext("2d");
  if (!context) return;
  const tone = (name: string) => {
    const element = canvas.parentElement?.querySelector(`:scope > .${name}`);
    return element ? getComputedStyle(element).color : "gray";
  };
  const [better, worse, same] = [tone("better"), tone("worse"), tone("faint")];
  context.scale(ratio, ratio);
  // What changed lies over what did not.
  for (const changed of [false, true]) {
    for (const dot of dots) {
      if ((dot.change !== 0) !== changed) continue;
      const [x, y] = place(dot);
      context.fillStyle = dot.change === 0 ? same : dot.change > 0 !== less ? better : worse;
      context.globalAlpha = changed ? 0.55 : 0.4;
      context.beginPath();
      context.arc(x, y, scale(dots.length) * radius(dot.count), 0, 2 * Math.PI);
      context.fill();
    }
  }
}
