// The tree of spans with their bars on one axis. Rows are elements, bars are drawn.

import { effect, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { type Palette, sharp, useFrame } from "../../parts/canvas";
import { useSize } from "../../parts/hooks";
import { drawRuler } from "../../parts/ruler";
import { type TimeAxis, useTimeGestures } from "../../parts/timeAxis";
import { type Domain, place } from "../../pure/scale";
import { reveal, visible } from "../../pure/scroll";
import { rowOf, type Tree } from "../../pure/trace";
import { plan } from "./columns";
import { drawRows, ROW_PIXELS } from "./draw";
import { SpanRow } from "./SpanRow";
import "./waterfall.css";

export interface WaterfallProps {
  readonly tree: Tree;
  /** Places of the spans that are not collapsed into others. */
  readonly rows: Int32Array;
  readonly closed: ReadonlySet<string>;
  readonly axis: TimeAxis;
  readonly palette: Palette;
  readonly path: ReadonlyMap<number, readonly Domain[]> | null;
  readonly found: ReadonlySet<number> | null;
  /** Place of the selected span. */
  readonly at: number;
  readonly onSelect: (index: number) => void;
  readonly onToggle: (index: number) => void;
}

const HEAD_PIXELS = 28;
/** Less has no room for the words of types. */
const NARROW = 520;

export function Waterfall(props: WaterfallProps) {
  const { tree, rows, axis, palette, path, found, at, onSelect, onToggle, closed } = props;
  const box = useRef<HTMLDivElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const bars = useRef<HTMLCanvasElement>(null);
  const ruler = useRef<HTMLCanvasElement>(null);
  const mark = useRef<HTMLDivElement>(null);
  const { width, height } = useSize(scroller).value;
  const range = useSignal({ first: 0, end: 0 });
  const columns = useMemo(() => plan(tree, width), [tree, width]);
  const { first, end } = {
    first: Math.min(range.value.first, rows.length),
    end: Math.min(range.value.end, rows.length),
  };

  const look = () => {
    const element = scroller.current;
    if (!element) return;
    const next = visible(element.scrollTop, element.clientHeight, ROW_PIXELS, rows.length, 8);
    const old = range.peek();
    if (next.first !== old.first || next.end !== old.end) range.value = next;
  };
  useLayoutEffect(look, [rows, height]);

  const draw = () => {
    const view = axis.view.peek();
    const context = bars.current && sharp(bars.current, columns.bars, (end - first) * ROW_PIXELS);
    if (context && columns.bars > 0) {
      drawRows(context, {
        tree,
        rows,
        first,
        end,
        view,
        width: columns.bars,
        palette,
        path,
        found,
        labels: !columns.columns.some(({ id }) => id === "duration"),
      });
    }
    const head = ruler.current && sharp(ruler.current, columns.bars, HEAD_PIXELS);
    if (head) drawRuler(head, view, tree.extent.from, columns.bars, HEAD_PIXELS, palette);
  };
  const frame = useFrame(draw);
  // At once: rows and bars must not be seen apart.
  useLayoutEffect(draw, [tree, rows, first, end, columns, palette, path, found]);
  useEffect(
    () =>
      effect(() => {
        axis.view.value;
        frame();
      }),
    [],
  );
  useEffect(
    () =>
      effect(() => {
        const marked = axis.marked.value;
        const style = mark.current?.style;
        if (!style) return;
        style.visibility = marked ? "visible" : "hidden";
        if (!marked) return;
        const view = axis.view.peek();
        const [from, to] = [place(marked.from, view), place(marked.to, view)];
        style.left = `${columns.left + from * columns.bars}px`;
        style.width = `${(to - from) * columns.bars}px`;
      }),
    [columns],
  );
  useTimeGestures(box, axis, { area: () => ({ left: columns.left, width: columns.bars }) });

  const selected = rowOf(rows, at);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element || selected < 0 || height === 0) return;
    const top = reveal(selected, element.scrollTop, element.clientHeight, ROW_PIXELS);
    if (top !== element.scrollTop) element.scrollTop = top;
    look();
  }, [selected, height > 0]);

  const shown: number[] = [];
  for (let row = first; row < end; row++) shown.push(row);
  return (
    <div class={width < NARROW ? "tt narrow" : "tt"} ref={box}>
      <div class="tt-head" style={{ height: `${HEAD_PIXELS}px` }}>
        <span class="tt-name" style={{ width: `${columns.name}px` }}>
          Span
        </span>
        {columns.columns.map(({ id, head, about, width }) => (
          <span key={id} class="tt-cell" title={about} style={{ width: `${width}px` }}>
            {head}
          </span>
        ))}
        <canvas ref={ruler} aria-hidden="true" />
      </div>
      <div
        class="tt-scroll"
        ref={scroller}
        tabIndex={0}
        role="treegrid"
        aria-label="spans"
        aria-rowcount={rows.length}
        aria-activedescendant={selected >= 0 ? `span-${selected}` : undefined}
        onScroll={look}
      >
        <div class="tt-space" style={{ height: `${rows.length * ROW_PIXELS}px` }}>
          {shown.map((row) => {
            const index = rows[row] as number;
            const span = tree.spans[index];
            return span ? (
              <SpanRow
                key={span.key}
                span={span}
                row={row}
                selected={row === selected}
                open={!closed.has(span.key)}
                found={found?.has(index) ?? false}
                critical={path?.has(index) ?? false}
                plan={columns}
                onSelect={() => onSelect(index)}
                onToggle={() => onToggle(index)}
              />
            ) : null;
          })}
          <canvas
            ref={bars}
            class="tt-bars"
            aria-hidden="true"
            style={{ left: `${columns.left}px`, top: `${first * ROW_PIXELS}px` }}
          />
        </div>
      </div>
      <div class="tt-mark" ref={mark} />
    </div>
  );
}
