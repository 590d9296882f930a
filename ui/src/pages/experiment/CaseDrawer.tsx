// One case beside the table: what went in and came out, why it scored so, its trials, its errors.

import { useEffect, useMemo } from "preact/hooks";
import { readTrace } from "../../api/lists";
import type { Paged } from "../../api/paged";
import { tagsOf } from "../../api/shapes";
import { Tags } from "../../parts/Chips";
import { Copy } from "../../parts/Copy";
import { Drawer } from "../../parts/Drawer";
import { useLoad } from "../../parts/hooks";
import { JsonView } from "../../parts/JsonView";
import { Failed, Skeleton } from "../../parts/states";
import { Time } from "../../parts/Time";
import { metricOrder, metricText } from "../../pure/metric";
import { path } from "../../pure/path";
import { faults, reasons } from "../../pure/reasons";
import { rowOfDataset } from "../../pure/snippets";
import { type Json, oneLine } from "../../pure/tree";
import { Faults } from "./Faults";
import { rootOf, trialsOf } from "./figures";
import type { CaseRow } from "./rows";
import { Scores } from "./Scores";
import { Trials } from "./Trials";
import { Values } from "./Values";

export interface Place {
  readonly org: string;
  readonly project: string;
  readonly experiment: string;
}

export interface CaseDrawerProps {
  readonly place: Place;
  /** Of the experiment. */
  readonly id: string;
  readonly base: { readonly id: string; readonly name: string } | null;
  /** The case's root span. */
  readonly root: string;
  readonly list: Paged<CaseRow> | null;
  /** Changes with each write. */
  readonly state: string | null;
  readonly onShow: (root: string | null) => void;
}

/** A case that a link leads to is looked for so far in the list; beyond it shows without its neighbours. */
const LOOK_FOR = 10_000;
/** Spans of a case that are read for scores and errors. */
const SPANS = 2000;

export function CaseDrawer({ place, id, base, root, list, state, onShow }: CaseDrawerProps) {
  const items = list?.items.value ?? [];
  const at = useMemo(() => items.findIndex(({ one }) => one.root_span_id === root), [items, root]);
  const row = items[at];
  useEffect(() => {
    if (list && at < 0 && !list.done.peek() && items.length > 0 && items.length < LOOK_FOR) {
      void list.want(items.length + 1);
    }
  }, [list, at, items.length]);

  const trace = useLoad(
    (end) => readTrace("experiment", id, { root_span_id: root, limit: SPANS }, end),
    // A case that is being written changes; others do not.
    [id, root, row?.one.spans ?? 0],
  );
  const rows = trace.value?.rows[0]?.root_span_id === root ? trace.value.rows : null;
  const main = useMemo(() => rows?.find((one) => one.is_root) ?? rows?.[0] ?? null, [rows]);

  // The list names the input; a link alone does not, and the case is shown without its like.
  const hash = row?.one.input_hash ?? null;
  const trials = useLoad(async (end) => (hash ? await trialsOf(id, hash, end) : []), [id, hash, state]);
  const others = useLoad(
    async (end) => {
      if (!base || !hash) return null;
      const found = await trialsOf(base.id, hash, end);
      const first = found[0];
      return first ? { trials: found, root: await rootOf(base.id, first.root_span_id, end), hash } : null;
    },
    [base?.id, hash],
  );
  const before = others.value?.hash === hash ? others.value : null;
  const alike = (trials.value ?? []).some((one) => one.root_span_id === root) ? (trials.value ?? []) : [];

  const go = (to: number) => {
    const next = items[to];
    if (!next) return;
    void list?.want(to + 20);
    onShow(next.one.root_span_id);
  };
  const title =
    main?.input !== undefined ? oneLine((main.input ?? null) as Json, 120) : (row?.one.input ?? root);
  const here = path.trace(place.org, place.project, place.experiment, root);
  const link = () =>
    `${window.location.origin}${path.experiment(place.org, place.project, place.experiment)}?c=${encodeURIComponent(root)}`;
  const why = useMemo(() => (rows ? reasons(rows) : []), [rows]);
  const wrong = useMemo(() => (rows ? faults(rows).filter(({ scorer }) => !scorer) : []), [rows]);
  const metrics = { ...metricsOf(main?.metrics), ...row?.one.metrics };
  return (
    <Drawer
      title={title}
      onClose={() => onShow(null)}
      onPrevious={at > 0 ? () => go(at - 1) : undefined}
      onNext={at >= 0 && at + 1 < items.length ? () => go(at + 1) : undefined}
    >
      <div class="case-bar">
        <a class="button small" href={here}>
          Trace{trace.value && rows ? `, ${trace.value.total} spans` : ""}
        </a>
        <Copy label="Copy link" text={link} />
        {rows && <Copy label="Copy JSON" text={() => JSON.stringify(rows, null, 2)} />}
        {main && <Copy label="Copy as dataset row" text={() => rowOfDataset(main)} />}
        <span class="space" />
        {main?.created && <Time at={main.created} />}
      </div>
      {trace.error && !rows && <Failed error={trace.error} onAgain={trace.again} />}
      {!rows && !trace.error && <Skeleton height={240} />}
      {rows && main && (
        <>
          {wrong.length > 0 && <Faults faults={wrong} trace={here} />}
          <Scores
            reasons={why}
            scores={row?.one.scores ?? null}
            base={before?.trials ?? null}
            baseName={base?.name ?? null}
            trace={here}
          />
          {alike.length > 1 && <Trials id={id} trials={alike} root={root} onShow={onShow} />}
          <Values
            input={main.input}
            output={main.output}
            expected={main.expected}
            before={before?.root ? { name: base?.name ?? "base", output: before.root.output } : null}
          />
          <dl class="case-metrics">
            {metricOrder(Object.keys(metrics)).map((name) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{metricText(name, metrics[name])}</dd>
              </div>
            ))}
          </dl>
          {tagsOf(main.tags) !== null && (
            <section class="case-part">
              <h3>Tags</h3>
              <Tags tags={main.tags} most={50} />
            </section>
          )}
          {main.metadata && Object.keys(main.metadata).length > 0 && (
            <section class="case-part">
              <h3>Metadata</h3>
              <JsonView value={main.metadata} open={2} />
            </section>
          )}
        </>
      )}
    </Drawer>
  );
}

/** Start and end are times, and their difference is what people ask for. */
function metricsOf(metrics: Record<string, number | null> | null | undefined): Record<string, number | null> {
  const { start, end, ...rest } = metrics ?? {};
  return start != null && end != null ? { duration: end - start, ...rest } : rest;
}
