// Everything about one span.

import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { readRow } from "../../api/rows";
import type { Row } from "../../api/types";
import { Tags } from "../../parts/Chips";
import { Copy } from "../../parts/Copy";
import { useLoad } from "../../parts/hooks";
import { JsonView } from "../../parts/JsonView";
import { Failed, Skeleton } from "../../parts/states";
import { Switch } from "../../parts/Tabs";
import { datasetRow } from "../../pure/datasetRow";
import { cost, count, duration } from "../../pure/format";
import { metricOrder, metricText, scoreText } from "../../pure/metric";
import { label, type Span, type Tree } from "../../pure/trace";
import { Comments } from "./Comments";
import "./detail.css";
import { tone } from "./draw";
import { Fields } from "./Fields";
import type { TraceOf } from "./load";

export interface DetailProps {
  readonly of: TraceOf;
  readonly tree: Tree<Row>;
  readonly span: Span<Row>;
  readonly onGo: (index: number) => void;
}

export function Detail({ of, tree, span, onGo }: DetailProps) {
  const raw = useSignal(false);
  const { row: outline, key } = span;
  const whole = useLoad((end) => readRow(of.kind, of.id, outline.id, end), [outline.id, outline._xact_id]);
  const row = whole.value?.id === outline.id ? whole.value : null;
  const parent = tree.spans[span.parent];
  return (
    <div class="detail">
      <header class="detail-head">
        <h2 dir="auto">{label(span.name, 300)}</h2>
        <div class="detail-facts">
          {span.type && <span class={`tt-type ${tone(span.type)}`}>{label(span.type, 40)}</span>}
          <Facts tree={tree} span={span} />
          {parent && (
            <button type="button" class="link" onClick={() => onGo(span.parent)}>
              in <bdi>{label(parent.name, 60)}</bdi>
            </button>
          )}
        </div>
        <div class="detail-actions">
          <Switch
            label="how to show the span"
            choices={[
              { id: "read", text: "Read" },
              { id: "raw", text: "Raw", hint: "the whole row as JSON" },
            ]}
            at={raw.value ? "raw" : "read"}
            onChoose={(id) => {
              raw.value = id === "raw";
            }}
          />
          <span class="space" />
          <span class="faint small">Copy</span>
          {row && (
            <>
              <Copy label="JSON" text={() => JSON.stringify(row, null, 2)} />
              <Copy
                label="Dataset row"
                text={() => JSON.stringify(datasetRow(of.kind, of.id, row), null, 2)}
              />
            </>
          )}
          <Copy label="Link" text={() => permalink(key)} />
        </div>
      </header>
      {whole.error && !row ? (
        <Failed error={whole.error} onAgain={whole.again} inline />
      ) : row ? (
        raw.value ? (
          <JsonView value={row} open={2} />
        ) : (
          <>
            <Figures row={row} />
            <Fields row={row} />
            <Comments key={row.id} of={of} row={row.id} />
          </>
        )
      ) : whole.loading ? (
        <Skeleton rows={6} />
      ) : (
        <p class="faint">The row is not there any more.</p>
      )}
    </div>
  );
}

/** The address of this very span. */
function permalink(key: string): string {
  const url = new URL(window.location.href);
  url.search = "";
  url.searchParams.set("s", key);
  return url.href;
}

function Facts({ tree, span }: { readonly tree: Tree; readonly span: Span }) {
  const took = span.end - span.start;
  const facts: [string, string][] = [
    [span.open ? "running for" : "took", duration(took)],
    ["after", duration(span.start - tree.extent.from)],
  ];
  if (span.size > 1) facts.push(["of its own", duration(span.self)]);
  if (span.firstToken !== null) facts.push(["first token", duration(span.firstToken)]);
  if (span.tokens !== null) facts.push(["tokens", count(span.tokens)]);
  if (span.cost !== null) facts.push(["cost", cost(span.cost)]);
  return (
    <>
      {facts.map(([what, value]) => (
        <span key={what}>
          <span class="faint">{what}</span> {value}
        </span>
      ))}
    </>
  );
}

/** Metrics that the head of the span says already. */
const IN_HEAD = new Set(["start", "end", "tokens", "estimated_cost", "time_to_first_token"]);

/** Scores, metrics and tags: short, so they come before the texts. */
function Figures({ row }: { readonly row: Row }) {
  const scores = useMemo(() => Object.entries(row.scores ?? {}), [row]);
  const metrics = useMemo(() => {
    const values = row.metrics ?? {};
    const names = Object.keys(values).filter((name) => !IN_HEAD.has(name));
    return metricOrder(names).map((name) => [name, values[name]] as const);
  }, [row]);
  const text = (value: unknown, format: (value: number) => string) =>
    typeof value === "number" ? format(value) : value === null ? "null" : label(JSON.stringify(value), 60);
  return (
    <>
      {scores.length > 0 && (
        <dl class="figures" aria-label="scores">
          {scores.map(([name, value]) => (
            <div key={name}>
              <dt class="cut" title={label(name)}>
                {label(name)}
              </dt>
              <dd>{text(value, scoreText)}</dd>
            </div>
          ))}
        </dl>
      )}
      {metrics.length > 0 && (
        <dl class="figures" aria-label="metrics">
          {metrics.map(([name, value]) => (
            <div key={name}>
              <dt class="cut" title={label(name)}>
                {label(name)}
              </dt>
              <dd>{text(value, (value) => metricText(name, value))}</dd>
            </div>
          ))}
        </dl>
      )}
      {Array.isArray(row.tags) && row.tags.length > 0 && (
        <div class="detail-tags">
          <Tags tags={row.tags.filter((tag) => typeof tag === "string")} most={20} />
        </div>
      )}
    </>
  );
}
