// A line through runs, each a point with its interval; the pointer or arrow keys choose one.

import { useSignal } from "@preact/signals";
import { useMemo, useRef } from "preact/hooks";
import { absolute, dayAndTime } from "../pure/time";
import { nearest, type TrendRun, trendLayout } from "../pure/trend";
import { useSize } from "./hooks";

export interface TrendChartProps {
  /** For screen readers. */
  readonly label: string;
  readonly runs: readonly TrendRun[];
  /** Evenly spaced, or as far apart as they were. */
  readonly by: "run" | "time";
  readonly format: (value: number) => string;
  readonly describe: (key: string) => { title: string; lines: readonly string[]; at: string } | null;
  readonly onOpen: (key: string) => void;
}

const HEIGHT = 132;
const AROUND = { left: 64, right: 16, top: 8, bottom: 22 };
/** Of the box that says which run it is. */
const TIP_WIDTH = 220;

export function TrendChart({ label, runs, by, format, describe, onOpen }: TrendChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const { width } = useSize(box).value;
  const at = useSignal<string | null>(null);
  const layout = useMemo(
    () => trendLayout(runs, by, { width, height: HEIGHT, ...AROUND }),
    [runs, by, width],
  );
  const { points } = layout;
  const index = points.findIndex(({ key }) => key === at.value);
  const point = points[index];
  const about = point ? describe(point.key) : null;

  const move = (event: PointerEvent) => {
    const left = box.current?.getBoundingClientRect().left ?? 0;
    at.value = points[nearest(points, event.clientX - left)]?.key ?? null;
  };
  const key = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1 };
    const step = steps[event.key];
    if (step !== undefined) {
      const next = index < 0 ? points.length - 1 : Math.min(Math.max(index + step, 0), points.length - 1);
      at.value = points[next]?.key ?? null;
    } else if (event.key === "Enter" && point) onOpen(point.key);
    else if (event.key === "Escape" && point) at.value = null;
    else return;
    event.preventDefault();
  };
  return (
    <div
      ref={box}
      class="trend-chart"
      role="application"
      aria-label={label}
      aria-roledescription="chart: arrow keys go from run to run, Enter opens"
      tabIndex={0}
      onPointerMove={move}
      onPointerDown={move}
      onPointerLeave={() => {
        at.value = null;
      }}
      onBlur={() => {
        at.value = null;
      }}
      onClick={() => point && onOpen(point.key)}
      onKeyDown={key}
    >
      {width > 0 && (
        <svg width={width} height={HEIGHT} aria-hidden="true">
          {layout.yTicks.map(({ value, y }) => (
            <g key={value}>
              <line class="grid" x1={AROUND.left} x2={width - AROUND.right} y1={y} y2={y} />
              <text class="tick end" x={AROUND.left - 8} y={y + 4}>
                {tickText(format(value))}
              </text>
            </g>
          ))}
          {layout.xTicks.map(({ at, x }, index) => (
            <text key={at} class="tick" x={x} y={HEIGHT - 6}>
              {dateText(at, layout.xTicks[index - 1]?.at)}
            </text>
          ))}
          {points.map(({ key, x, high, low }) =>
            high === null || low === null ? null : (
              <line
                key={key}
                class={key === at.value ? "range at" : "range"}
                x1={x}
                x2={x}
                y1={high}
                y2={low}
              />
            ),
          )}
          <path
            class="line"
            d={points
              .map(({ x, y }, index) => `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`)
              .join("")}
          />
          {points.map(({ key, x, y }) => (
            <circle
              key={key}
              class={key === at.value ? "point at" : "point"}
              cx={x}
              cy={y}
              r={key === at.value ? 4 : 2.5}
            />
          ))}
        </svg>
      )}
      {point && about && (
        <div
          class="tip"
          style={{
            left: `${Math.min(Math.max(point.x - TIP_WIDTH / 2, 4), Math.max(width - TIP_WIDTH - 4, 4))}px`,
            width: `${TIP_WIDTH}px`,
          }}
          role="status"
        >
          <strong class="cut">{about.title}</strong>
          {about.lines.map((line) => (
            <span key={line}>{line}</span>
          ))}
          <span class="faint">{absolute(new Date(about.at)).slice(0, 19)}</span>
        </div>
      )}
    </div>
  );
}

/** `29 Nov 21:03`; the day alone is left out where it is that of the date before. */
function dateText(at: number, before: number | undefined): string {
  const [day, time] = dayAndTime(new Date(at));
  return before !== undefined && dayAndTime(new Date(before))[0] === day ? time : `${day} ${time}`;
}

/** Ticks are round: `90 %` instead of `90.00 %`. */
function tickText(text: string): string {
  return text.replace(/\.0+(?=\D|$)/, "");
}
