// Requests and what waited for them, on one axis.

import { effect, type Signal, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { sharp, useFrame, usePalette } from "../../parts/canvas";
import { useSize } from "../../parts/hooks";
import { drawRuler } from "../../parts/ruler";
import { type TimeAxis, useTimeGestures } from "../../parts/timeAxis";
import { bytes, count, counted, duration } from "../../pure/format";
import { ending, firstSeen, overlaps, type Picture, type Request } from "../../pure/profile";
import { place } from "../../pure/scale";
import { COLOURS, CURVE_PIXELS, type Curve, draw, heightOf, LANE_PIXELS, MOST_LANES } from "./draw";

export interface ChartProps {
  readonly picture: Picture;
  readonly axis: TimeAxis;
  readonly picked: Signal<Request | null>;
}

const RULER_PIXELS = 24;
const LEFT = { wide: 88, narrow: 62 };
const RIGHT = 236;
const NARROW = 700;
const TIP_PIXELS = 230;

export function Chart({ picture, axis, picked }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const ruler = useRef<HTMLCanvasElement>(null);
  const mark = useRef<HTMLDivElement>(null);
  const size = useSize(box).value;
  const palette = usePalette(COLOURS);
  const over = useSignal<{ request: Request; x: number; y: number } | null>(null);
  const narrow = size.width < NARROW;
  const left = narrow ? LEFT.narrow : LEFT.wide;
  const width = Math.max(size.width - left - (narrow ? 12 : RIGHT), 0);
  const lanes = picture.lanes.length <= MOST_LANES ? picture.lanes : [];
  const curves = useMemo(() => curvesOf(picture), [picture]);
  const height = heightOf(lanes.length, curves.length);

  const paint = () => {
    const view = axis.view.peek();
    const context = canvas.current && sharp(canvas.current, width, height);
    const colours = palette.peek();
    if (context && width > 0) {
      draw(context, { picture, lanes, curves, view, width, palette: colours, picked: picked.peek() });
    }
    const head = ruler.current && sharp(ruler.current, width, RULER_PIXELS);
    if (head) drawRuler(head, view, 0, width, RULER_PIXELS, colours);
  };
  const frame = useFrame(paint);
  useLayoutEffect(paint, [picture, width, height, palette.value]);
  useEffect(
    () =>
      effect(() => {
        axis.view.value;
        picked.value;
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
        style.left = `${left + from * width}px`;
        style.width = `${(to - from) * width}px`;
      }),
    [left, width],
  );
  useTimeGestures(box, axis, { area: () => ({ left, width }) });

  const find = (event: MouseEvent): { request: Request; x: number; y: number } | null => {
    const bounds = box.current?.getBoundingClientRect();
    if (!bounds || width === 0) return null;
    const [x, y] = [event.clientX - bounds.left, event.clientY - bounds.top - RULER_PIXELS];
    const lane = lanes[Math.floor(y / LANE_PIXELS)];
    if (!lane || y < 0 || x < left || x > left + width) return null;
    const { from, to } = axis.view.peek();
    const pixel = (to - from) / width;
    const time = from + (x - left) * pixel;
    const request = lane.requests[firstSeen(lane.requests, time - 2 * pixel)];
    return request && request.start <= time + 2 * pixel ? { request, x, y } : null;
  };
  const shown = over.value;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the table below has the same requests for the keyboard
    <div
      class="up-chart"
      ref={box}
      role="img"
      aria-label={`timeline of ${counted(picture.requests.length, "request")}; the table below has them one by one`}
      onMouseMove={(event) => {
        over.value = event.buttons === 0 ? find(event) : null;
      }}
      onMouseLeave={() => {
        over.value = null;
      }}
      onClick={(event) => {
        picked.value = find(event)?.request ?? null;
      }}
    >
      <canvas class="up-ruler" ref={ruler} style={{ left: `${left}px` }} />
      <canvas class="up-bars" ref={canvas} style={{ left: `${left}px`, top: `${RULER_PIXELS}px` }} />
      <div class="up-head-row" style={{ height: `${RULER_PIXELS}px` }}>
        {!narrow && lanes.length > 0 && (
          <span class="up-summary">
            {["sent", "mean", "rows", "bytes"].map((head) => (
              <span key={head}>{head}</span>
            ))}
          </span>
        )}
      </div>
      {lanes.map(({ number, requests }) => (
        <div key={number} class="up-row" style={{ height: `${LANE_PIXELS}px` }}>
          <span class="up-name">lane {number}</span>
          {!narrow && <LaneSummary requests={requests} />}
        </div>
      ))}
      {curves.map(({ name, about, summary }) => (
        <div key={name} class="up-row curve" style={{ height: `${CURVE_PIXELS}px` }}>
          <span class="up-name" title={about}>
            {name}
          </span>
          {!narrow && <span class="up-summary">{summary}</span>}
        </div>
      ))}
      <div class="tt-mark" ref={mark} />
      {shown && (
        <div
          class="tip up-tip"
          style={{
            left: `${Math.min(Math.max(shown.x + 12, 4), Math.max(size.width - TIP_PIXELS - 4, 4))}px`,
            top: `${shown.y + RULER_PIXELS + 14}px`,
            width: `${TIP_PIXELS}px`,
          }}
        >
          <About request={shown.request} />
        </div>
      )}
    </div>
  );
}

function LaneSummary({ requests }: { readonly requests: readonly Request[] }) {
  const sum = (of: (request: Request) => number) => requests.reduce((sum, request) => sum + of(request), 0);
  const mean = sum(({ start, end }) => end - start) / Math.max(requests.length, 1);
  return (
    <span
      class="up-summary"
      title="requests that it sent, their mean duration, rows, bytes before compression"
    >
      <span>{count(requests.length)}</span>
      <span>{duration(mean)}</span>
      <span>{count(sum(({ rows }) => rows))}</span>
      <span>{bytes(sum(({ bytes }) => bytes))}</span>
    </span>
  );
}

function About({ request }: { readonly request: Request }) {
  const { number, attempt, rows, bytes: size, sentBytes, queued, start, end, status } = request;
  return (
    <>
      <strong>
        request {number}
        {attempt > 0 && ` · attempt ${attempt + 1}`}
      </strong>
      <span>
        {status ?? "no answer"} after {duration(end - start)}
        {ending(request) === "failed" && " · failed"}
      </span>
      <span>
        {counted(rows, "row")}, {bytes(size)}
        {sentBytes < size && `, sent as ${bytes(sentBytes)}`}
      </span>
      <span class="faint">
        from {duration(start)}; its oldest row waited {duration(Math.max(start - queued, 0))}
      </span>
    </>
  );
}

function curvesOf(picture: Picture): Curve[] {
  const { pending, gate, flush, cases, budget, requests, lanes } = picture;
  const curves: Curve[] = [];
  if (lanes.length > MOST_LANES) {
    const steps = overlaps(requests.flatMap(({ start, end }) => [start, end]));
    const summary = `${count(lanes.length)} lanes, at most ${count(steps.most)} busy`;
    curves.push({ name: "lanes", about: "lanes with a request under way", steps, summary });
  }
  if (pending) {
    const share = budget && pending.most > budget / 100 ? ` of ${bytes(budget)}` : "";
    curves.push({
      name: "pending",
      about: "bytes that are recorded and not yet acknowledged",
      steps: pending,
      summary: `at most ${bytes(pending.most)}${share}`,
      limit: budget,
    });
  }
  const waited = (most: number) => (most > 0 ? `at most ${count(most)} waited` : "nobody waited");
  if (gate) {
    const about = "producers that wait for room in the byte budget";
    curves.push({ name: "gate", about, steps: gate, summary: waited(gate.most) });
  }
  if (flush) {
    const about = "producers that wait for a flush";
    curves.push({ name: "flush", about, steps: flush, summary: waited(flush.most) });
  }
  if (cases) {
    curves.push({
      name: "cases",
      about: "cases under way",
      steps: cases,
      summary: `at most ${count(cases.most)}`,
    });
  }
  return curves;
}
