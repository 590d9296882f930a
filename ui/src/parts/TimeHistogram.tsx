// How many there were over time, failures apart; a range is chosen by dragging.

import { useSignal } from "@preact/signals";
import { useMemo, useRef } from "preact/hooks";
import type { Bucket } from "../api/types";
import { count, counted } from "../pure/format";
import { barsOf, bucketAt, labelled } from "../pure/histogram";
import { absolute, dayAndTime } from "../pure/time";
import { useSize } from "./hooks";

export interface TimeHistogramProps {
  readonly label: string;
  readonly buckets: readonly Bucket[];
  /** What is counted, such as `trace`. */
  readonly noun: string;
  /** Unix milliseconds, both included. */
  readonly onRange: (from: number, to: number) => void;
}

const TALL = 56;
const BELOW = 18;
const ABOVE = 6;
const LABEL_PX = 96;

export function TimeHistogram({ label, buckets, noun, onRange }: TimeHistogramProps) {
  const box = useRef<HTMLDivElement>(null);
  const { width } = useSize(box).value;
  const at = useSignal<number | null>(null);
  const start = useSignal<number | null>(null);
  const bars = useMemo(() => barsOf(buckets, width, TALL), [buckets, width]);
  const labels = useMemo(() => labelled(buckets, width, LABEL_PX), [buckets, width]);
  const index = (event: PointerEvent) =>
    bucketAt(buckets, event.clientX - (box.current?.getBoundingClientRect().left ?? 0), width);
  const [first, last] =
    start.value !== null && at.value !== null
      ? [Math.min(start.value, at.value), Math.max(start.value, at.value)]
      : [at.value, at.value];
  const [from, to] = [bars[first ?? -1], bars[last ?? -1]];
  const days =
    buckets.length > 0 && (buckets[0] as Bucket).upper - (buckets[0] as Bucket).lower >= 86_400_000;

  const choose = (left: number, right: number) => {
    const [lower, upper] = [buckets[left]?.lower, buckets[right]?.upper];
    // The end of a bucket is the beginning of the next.
    if (lower !== undefined && upper !== undefined) onRange(lower, upper - 1);
  };
  const key = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step !== undefined) {
      const next = at.value === null ? buckets.length - 1 : at.value + step;
      at.value = Math.min(Math.max(next, 0), buckets.length - 1);
      if (!event.shiftKey) start.value = null;
      else start.value ??= next - step;
    } else if (event.key === "Enter" && first !== null && last !== null) {
      choose(first, last);
      start.value = null;
    } else return;
    event.preventDefault();
  };
  return (
    <div
      ref={box}
      class="time-histogram"
      role="application"
      aria-label={label}
      aria-roledescription="chart: arrow keys choose a bar, with Shift several, Enter narrows to them"
      tabIndex={0}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        start.value = index(event);
        at.value = start.value;
        box.current?.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => {
        at.value = index(event);
      }}
      onPointerUp={() => {
        if (start.value !== null && first !== null && last !== null) choose(first, last);
        start.value = null;
      }}
      onPointerCancel={() => {
        start.value = null;
      }}
      onPointerLeave={() => {
        if (start.value === null) at.value = null;
      }}
      onBlur={() => {
        at.value = null;
        start.value = null;
      }}
      onKeyDown={key}
    >
      {width > 0 && (
        <svg width={width} height={ABOVE + TALL + BELOW} aria-hidden="true">
          {from && to && (
            <rect
              class="histogram-band"
              x={from.x}
              width={to.x + to.width - from.x}
              y={0}
              height={ABOVE + TALL}
            />
          )}
          {bars.map(({ x, width, height, errors, bucket }) => (
            <g key={bucket.lower}>
              <rect class="histogram-bar" x={x} width={width} y={ABOVE + TALL - height} height={height} />
              {errors > 0 && (
                <rect
                  class="histogram-errors"
                  x={x}
                  width={width}
                  y={ABOVE + TALL - errors}
                  height={errors}
                />
              )}
            </g>
          ))}
          <line class="histogram-axis" x1={0} x2={width} y1={ABOVE + TALL + 0.5} y2={ABOVE + TALL + 0.5} />
          {labels.map((place, turn) => {
            const before = labels[turn - 1];
            const [day, time] = dayAndTime(new Date(buckets[place]?.lower ?? 0));
            const known =
              before !== undefined && dayAndTime(new Date(buckets[before]?.lower ?? 0))[0] === day;
            return (
              <text
                key={place}
                class="tick"
                x={(bars[place]?.x ?? 0) + (turn === 0 ? 0 : 1)}
                y={ABOVE + TALL + 14}
              >
                {days ? day : known ? time : `${day} ${time}`}
              </text>
            );
          })}
        </svg>
      )}
      {from && to && (
        <div
          class="tip"
          style={{ left: `${Math.min(Math.max((from.x + to.x) / 2 - 90, 0), Math.max(width - 190, 0))}px` }}
          role="status"
        >
          <strong>{counted(sum(buckets, first, last, "cases"), noun)}</strong>
          <span class={sum(buckets, first, last, "errors") > 0 ? "error" : "faint"}>
            {count(sum(buckets, first, last, "errors"))} failed
          </span>
          <span class="faint">
            {absolute(new Date(from.bucket.lower)).slice(0, 16)} to{" "}
            {absolute(new Date(to.bucket.upper)).slice(11, 16)}
          </span>
        </div>
      )}
    </div>
  );
}

function sum(
  buckets: readonly Bucket[],
  first: number | null,
  last: number | null,
  what: "cases" | "errors",
): number {
  if (first === null || last === null) return 0;
  return buckets.slice(first, last + 1).reduce((sum, bucket) => sum + bucket[what], 0);
}
