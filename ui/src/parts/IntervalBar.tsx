// A value with its interval on an axis: a tick on a bar.

import { type Domain, place } from "../pure/scale";

export interface IntervalBarProps {
  readonly value: number | null | undefined;
  readonly lower?: number | null | undefined;
  readonly upper?: number | null | undefined;
  /** The axis that all bars of a column share; 0 to 1 by default. */
  readonly domain?: Domain;
  /** Pixels; 72 by default. */
  readonly width?: number;
  /** Such as of a verdict; plain otherwise. */
  readonly tone?: "better" | "worse" | "undecided" | "same" | null | undefined;
}

const HEIGHT = 12;
/** So that the tick is seen whole at both ends. */
const AIR = 1;

export function IntervalBar({
  value,
  lower,
  upper,
  domain = { from: 0, to: 1 },
  width = 72,
  tone,
}: IntervalBarProps) {
  const x = (value: number) => AIR + place(value, domain) * (width - 2 * AIR);
  const middle = HEIGHT / 2;
  const has = value != null && Number.isFinite(value);
  return (
    <svg class={`interval ${tone ?? ""}`} width={width} height={HEIGHT} aria-hidden="true">
      <line class="interval-axis" x1={AIR} x2={width - AIR} y1={middle} y2={middle} />
      {lower != null && upper != null && (
        <rect
          class="interval-range"
          x={x(lower)}
          width={Math.max(x(upper) - x(lower), 1)}
          y={middle - 3}
          height={6}
          rx={1}
        />
      )}
      {has && <rect class="interval-value" x={x(value) - 1} width={2} y={1} height={HEIGHT - 2} rx={0.5} />}
    </svg>
  );
}
