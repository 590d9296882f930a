// How a figure went, as small as a word.

import { closeDomain, place } from "../pure/scale";

export interface SparklineProps {
  /** Oldest first; gaps are null. */
  readonly values: readonly (number | null)[];
  /** Pixels; 80 × 16 by default. */
  readonly width?: number;
  readonly height?: number;
  /** What it shows, in words. */
  readonly label: string;
}

export function Sparkline({ values, width = 80, height = 16, label }: SparklineProps) {
  const domain = closeDomain(values.filter((value) => value !== null));
  const step = values.length > 1 ? (width - 4) / (values.length - 1) : 0;
  const x = (index: number) => 2 + index * step;
  const y = (value: number) => height - 2 - place(value, domain) * (height - 4);
  let [path, pen] = ["", "M"];
  let last: readonly [number, number] | null = null;
  values.forEach((value, index) => {
    if (value === null) {
      pen = "M";
      return;
    }
    last = [x(index), y(value)];
    path += `${pen}${last[0].toFixed(1)} ${last[1].toFixed(1)}`;
    pen = "L";
  });
  return (
    <svg class="sparkline" width={width} height={height} role="img" aria-label={label}>
      <path d={path} />
      {last && <circle cx={last[0]} cy={last[1]} r={1.75} />}
    </svg>
  );
}
