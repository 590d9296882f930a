// A trace that is there: toolbar, map, waterfall, details; which span is selected and what is collapsed.

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { Row } from "../../api/types";
import { usePalette } from "../../parts/canvas";
import { useQuery } from "../../parts/hooks";
import { useKeys } from "../../parts/keyboard";
import { Failed } from "../../parts/states";
import { useTimeAxis, useTimeKeys } from "../../parts/timeAxis";
import { criticalPath } from "../../pure/criticalPath";
import { rowAfter } from "../../pure/keys";
import { ancestors, rowOf, type Span, type Tree, visibleRows } from "../../pure/trace";
import { around } from "../../pure/view";
import { Detail } from "./Detail";
import { COLOURS } from "./draw";
import { Find } from "./Find";
import { Head } from "./Head";
import type { TraceLoad, TraceOf } from "./load";
import { Minimap } from "./Minimap";
import { Split } from "./Split";
import { TraceFind } from "./search";
import { Waterfall } from "./Waterfall";

export interface ViewProps {
  readonly of: TraceOf;
  readonly load: TraceLoad;
  readonly tree: Tree<Row>;
}

const NONE_CLOSED: ReadonlySet<string> = new Set();
const PAGE_ROWS = 12;
/** A key that is held down goes through spans faster than anybody reads them. */
const SETTLED_MS = 60;

export function View({ of, load, tree }: ViewProps) {
  const [query, setQuery] = useQuery();
  const asked = query.get("s");
  const at = (asked === null ? undefined : tree.at.get(asked)) ?? 0;
  const span = tree.spans[at] as Span<Row>;
  const settled = useSettled(span.key, SETTLED_MS);
  const shown = tree.spans[tree.at.get(settled) ?? at] as Span<Row>;
  const closed = useSignal(NONE_CLOSED);
  const showPath = useSignal(false);
  const rows = useMemo(() => visibleRows(tree, closed.value), [tree, closed.value]);
  const path = useMemo(() => (showPath.value ? criticalPath(tree) : null), [tree, showPath.value]);
  const palette = usePalette(COLOURS);
  const axis = useTimeAxis(tree.extent);
  useTimeKeys(axis);
  const text = useSignal("");
  const find = useMemo(() => new TraceFind(of), [of]);
  useEffect(() => () => find.close(), [find]);

  // A span that is gone to is seen, at the zoom that was chosen.
  useEffect(() => {
    const view = axis.view.peek();
    if (span.end >= view.from && span.start <= view.to) return;
    const length = view.to - view.from;
    axis.show({ from: span.start - length * 0.1, to: span.start + length * 0.9 });
  }, [span.key]);

  const select = (index: number) => {
    const key = tree.spans[index]?.key;
    if (key !== undefined) setQuery({ s: key });
  };
  const toggle = (index: number, open?: boolean) => {
    const target = tree.spans[index];
    if (!target || target.size === 1) return;
    const next = new Set(closed.peek());
    if (open ?? next.has(target.key)) next.delete(target.key);
    else next.add(target.key);
    closed.value = next;
  };
  /** Selects a span wherever it is hidden. */
  const go = (index: number) => {
    const above = ancestors(tree, index).filter((key) => closed.peek().has(key));
    if (above.length > 0) closed.value = new Set([...closed.peek()].filter((key) => !above.includes(key)));
    select(index);
  };
  const allClosed = () => {
    const root = tree.spans[0]?.key;
    closed.value = new Set(
      tree.spans.filter(({ size, key }) => size > 1 && key !== root).map(({ key }) => key),
    );
  };

  const togglePath = () => {
    showPath.value = !showPath.value;
  };
  const move = (name: string) => {
    const next = rowAfter(name, rowOf(rows, at), rows.length, PAGE_ROWS);
    if (next !== null) select(rows[next] as number);
  };
  useKeys([
    { keys: ["j"], what: "next span", run: () => move("j") },
    { keys: ["k"], what: "previous span", run: () => move("k") },
    // Elsewhere these scroll.
    ...["ArrowDown", "ArrowUp", "PageDown", "PageUp", "Home", "End"].map((key) => ({
      keys: [key],
      what: "",
      run: () => (inSpans() ? move(key) : false),
    })),
    {
      keys: ["ArrowLeft", "h"],
      what: "collapse, or go to the parent",
      run: () => {
        if (!inSpans()) return false;
        if (span.size > 1 && !closed.peek().has(span.key)) toggle(at, false);
        else if (span.parent >= 0) select(span.parent);
        return true;
      },
    },
    {
      keys: ["ArrowRight", "l"],
      what: "expand, or go to the first child",
      run: () => {
        if (!inSpans()) return false;
        if (closed.peek().has(span.key)) toggle(at, true);
        else if (span.size > 1) select(at + 1);
        return true;
      },
    },
    {
      keys: ["Enter"],
      what: "zoom to the span",
      run: () => (inSpans() ? axis.show(around(span.start, span.end, tree.extent)) : false),
    },
    { keys: ["Escape"], what: "see all of the time", run: axis.reset },
    { keys: ["p"], what: "critical path", run: togglePath },
    {
      keys: ["e"],
      what: "next error",
      run: () => {
        if (tree.failed === 0) return false;
        const failed = (from: number) => tree.spans.findIndex((one, index) => index > from && one.failed);
        const next = failed(at);
        go(next < 0 ? failed(-1) : next);
        return true;
      },
    },
  ]);

  const error = load.error.value;
  return (
    <div class="page trace">
      <Head
        tree={tree}
        load={load}
        axis={axis}
        path={showPath.value}
        onPath={togglePath}
        allOpen={closed.value.size === 0}
        onAll={() => {
          if (closed.value.size > 0) closed.value = NONE_CLOSED;
          else allClosed();
        }}
        find={
          <Find
            find={find}
            tree={tree}
            text={text.value}
            onText={(value) => {
              text.value = value;
            }}
            at={at}
            onGo={go}
          />
        }
      />
      <Split
        name="tidegate.trace.split"
        first={
          <>
            <Minimap tree={tree} axis={axis} palette={palette.value} />
            <Waterfall
              tree={tree}
              rows={rows}
              closed={closed.value}
              axis={axis}
              palette={palette.value}
              path={path}
              found={find.found.value?.set ?? null}
              at={at}
              onSelect={select}
              onToggle={toggle}
            />
          </>
        }
        second={<Detail of={of} tree={tree} span={shown} onGo={go} />}
      />
      {error && <Failed error={error} onAgain={() => void load.read()} inline />}
    </div>
  );
}

/** A value once it has not changed for a while; the first one at once. */
function useSettled<T>(value: T, milliseconds: number): T {
  const settled = useSignal(value);
  useEffect(() => {
    const timer = setTimeout(() => {
      settled.value = value;
    }, milliseconds);
    return () => clearTimeout(timer);
  }, [value]);
  return settled.value;
}

/** Whether keys of the waterfall are meant: nothing has the focus, or the waterfall itself. */
function inSpans(): boolean {
  const focus = document.activeElement;
  return !focus || focus === document.body || focus.closest(".tt") !== null;
}
