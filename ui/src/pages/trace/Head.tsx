// Above the waterfall: what the trace comes to, and what can be done with it.

import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import type { TimeAxis } from "../../parts/timeAxis";
import { Zoom } from "../../parts/Zoom";
import { count, counted, duration } from "../../pure/format";
import type { Tree } from "../../pure/trace";
import { totals } from "./columns";
import { MOST_SPANS, type TraceLoad } from "./load";

export interface HeadProps {
  readonly tree: Tree;
  readonly load: TraceLoad;
  readonly axis: TimeAxis;
  readonly path: boolean;
  readonly onPath: () => void;
  readonly allOpen: boolean;
  readonly onAll: () => void;
  readonly find: ComponentChildren;
}

export function Head({ tree, load, axis, path, onPath, allOpen, onAll, find }: HeadProps) {
  const sums = useMemo(() => totals(tree), [tree]);
  const [loaded, total] = [load.loaded.value, load.total.value ?? 0];
  const rest = total > loaded;
  return (
    <>
      <div class="trace-facts">
        <Fact what="spans" value={rest ? `${count(loaded)} of ${count(total)}` : count(tree.spans.length)} />
        <Fact what="duration" value={duration(tree.extent.to - tree.extent.from)} />
        {sums.tokens !== "–" && <Fact what="tokens" value={sums.tokens} about="sum over all llm spans" />}
        {sums.cost !== "–" && <Fact what="cost" value={sums.cost} about="sum over all llm spans" />}
        {tree.failed > 0 && (
          <span class="error" title="e goes to the next one">
            ✕ {counted(tree.failed, "error")}
          </span>
        )}
        {tree.open > 0 && <span class="running">{count(tree.open)} running</span>}
        {loaded >= MOST_SPANS && rest && <span class="faint">the first {count(MOST_SPANS)} are shown</span>}
      </div>
      <div class="toolbar">
        {find}
        <span class="space" />
        <button
          type="button"
          class="button"
          aria-pressed={path}
          title="what decides how long the trace takes: p"
          onClick={onPath}
        >
          Critical path
        </button>
        <button type="button" class="button" onClick={onAll}>
          {allOpen ? "Collapse all" : "Expand all"}
        </button>
        <Zoom axis={axis} />
      </div>
    </>
  );
}

function Fact({
  what,
  value,
  about,
}: {
  readonly what: string;
  readonly value: string;
  readonly about?: string;
}) {
  return (
    <span title={about}>
      <strong>{value}</strong> <span class="faint">{what}</span>
    </span>
  );
}
