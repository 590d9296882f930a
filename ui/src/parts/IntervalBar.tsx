// A value with its interval on an axis: a dot on a thin bar.

import { type Domain, place } from "../pure/scale";

export interface IntervalBarProps {
  readonly value: number | null | undefined;
  readonly lower?: number | null | undefined;
  readonly upper?: number | null | undefined;
  /** The axis that all bars of a column share; 0 to 1 by default. */
  readonly domain?: Domain;
  /** Pixels; 64 by default. */
  readonly width?: number;
  /** Such as of a verdict; plain otherwise. */
  readonly tone?: "better" | "worse" | "undecided" | "same" | null | undefined;
}

const HEIGHT = 12;
/** Half of the dot, so that it is seen whole at both ends. */
const AIR = 3;

export function IntervalBar({
  value,
  lower,
  upper,
  domain = { from: 0, to: 1 },
  width = 64,
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
          y={middle - 2.5}
          height={5}
          rx={1}
        />
      )}
      {has && <circle class="interval-value" cx={x(value)} cy={middle} r={2.5} />}
    </svg>
  );
}
