// How cases are spread over a figure; a bar chosen is a condition on the list.

import { useSignal } from "@preact/signals";
import { useQuery } from "../../parts/hooks";
import { type Bin, type Bins, heights } from "../../pure/bins";
import { barRange, isBarChosen } from "../../pure/cases";
import { rangeText } from "../../pure/filters";
import { count, counted } from "../../pure/format";
import { metricText, scoreText } from "../../pure/metric";

export interface HistogramProps {
  readonly kind: "score" | "metric";
  readonly name: string;
  /** Null until they are loaded. */
  readonly bins: Bins | null;
}

const HEIGHT = 30;
/** A bar of one case beside thousands: two pixels. */
const LEAST = 2 / HEIGHT;

export function Histogram({ kind, name, bins }: HistogramProps) {
  const [query, setQuery] = useQuery();
  const at = useSignal(-1);
  const buckets = bins?.buckets ?? [];
  if (buckets.length === 0) return <div class="histogram-none" />;
  const tall = heights(buckets, LEAST);
  const value = (value: number) => (kind === "score" ? scoreText(value) : metricText(name, value));
  const range = (index: number) => {
    const { lower, upper } = buckets[index] as Bin;
    return barRange(name, lower, upper, index === buckets.length - 1);
  };
  const chosen = buckets.findIndex((_, index) => isBarChosen(query, kind, range(index)));
  const choose = (index: number) => {
    if (index < 0 || index >= buckets.length) return;
    setQuery({ [kind]: index === chosen ? null : rangeText(range(index)) });
  };
  const words = ({ lower, upper, cases, errors }: Bin) =>
    `${value(lower)} to ${value(upper)}: ${counted(cases, "case")}${errors > 0 ? `, ${count(errors)} with an error` : ""}`;
  const [first, last] = [buckets[0] as Bin, buckets[buckets.length - 1] as Bin];
  const current = buckets[at.value];
  return (
    <div
      class="histogram"
      tabIndex={0}
      role="listbox"
      aria-label={`${name}: ${current ? words(current) : "how cases are spread; arrows choose a bar, Enter filters"}`}
      onBlur={() => {
        at.value = -1;
      }}
      onKeyDown={(event) => {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (step) at.value = Math.min(Math.max(at.value + step, 0), buckets.length - 1);
        else if (event.key === "Enter" || event.key === " ") choose(at.value);
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      <svg
        viewBox={`0 0 ${buckets.length} ${HEIGHT}`}
        preserveAspectRatio="none"
        height={HEIGHT}
        role="presentation"
      >
        {buckets.map((bucket, index) => (
          <g
            key={index}
            role="option"
            aria-selected={index === chosen}
            class={[
              "bar",
              index === chosen && "chosen",
              chosen >= 0 && index !== chosen && "other",
              index === at.value && "at",
            ]
              .filter(Boolean)
              .join(" ")}
            onClick={() => choose(index)}
          >
            <title>{words(bucket)}</title>
            <rect class="bar-ground" x={index} y={0} width={1} height={HEIGHT} />
            <rect
              class="bar-cases"
              x={index + 0.06}
              y={HEIGHT * (1 - (tall[index] as number))}
              width={0.88}
              height={HEIGHT * (tall[index] as number)}
            />
          </g>
        ))}
      </svg>
      <div class="histogram-axis faint">
        <span>{value(first.lower)}</span>
        <span>{value(last.upper)}</span>
      </div>
    </div>
  );
}
