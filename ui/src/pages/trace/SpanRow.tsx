// One row of the waterfall, without its bar.

import { counted } from "../../pure/format";
import { label, type Span } from "../../pure/trace";
import type { Plan } from "./columns";
import { ROW_PIXELS, tone } from "./draw";

export interface SpanRowProps {
  readonly span: Span;
  readonly row: number;
  readonly selected: boolean;
  readonly open: boolean;
  readonly found: boolean;
  readonly critical: boolean;
  readonly plan: Plan;
  readonly onSelect: () => void;
  readonly onToggle: () => void;
}

const INDENT_PIXELS = 12;

export function SpanRow({
  span,
  row,
  selected,
  open,
  found,
  critical,
  plan,
  onSelect,
  onToggle,
}: SpanRowProps) {
  const { type, name, depth, size, failed, failedBelow, orphan } = span;
  // Deep spans keep room for their names.
  const indent = Math.min(depth * INDENT_PIXELS, plan.name * 0.36);
  const deeper = depth * INDENT_PIXELS > indent;
  const text = label(name);
  const below = !open && failedBelow > 0;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys move through rows, not from one element to the next
    <div
      id={`span-${row}`}
      class={`tt-row${selected ? " selected" : ""}${found ? " found" : ""}${critical ? " critical" : ""}${deeper ? " deep" : ""}`}
      style={{ top: `${row * ROW_PIXELS}px` }}
      role="row"
      aria-level={depth + 1}
      aria-selected={selected}
      aria-expanded={size > 1 ? open : undefined}
      aria-rowindex={row + 1}
      onClick={onSelect}
    >
      <span
        class="tt-name"
        role="gridcell"
        style={{ width: `${plan.name}px`, paddingLeft: `${indent + 4}px` }}
      >
        {size > 1 ? (
          <button
            type="button"
            class="tt-arrow"
            tabIndex={-1}
            aria-label={open ? "collapse" : "expand"}
            onClick={(event) => {
              event.stopPropagation();
              onToggle();
            }}
          >
            {open ? "▾" : "▸"}
          </button>
        ) : (
          <span class="tt-arrow" />
        )}
        {deeper && <span class="tt-depth">{depth}</span>}
        {type && (
          <span class={`tt-type ${tone(type)}`} data-letter={label(type, 1)} title={label(type)}>
            <span>{label(type, 12)}</span>
          </span>
        )}
        <bdi class="cut" title={text}>
          {text}
        </bdi>
        {(failed || below) && (
          <span class="tt-failed" title={failed ? "has an error" : `${counted(failedBelow, "error")} below`}>
            ✕{below && !failed ? failedBelow : ""}
          </span>
        )}
        {orphan && (
          <span class="faint" title="its parent is not in this trace">
            ↰
          </span>
        )}
        {!open && size > 1 && <span class="tt-count">{size - 1}</span>}
      </span>
      {plan.columns.map(({ id, width, text }) => (
        <span key={id} class="tt-cell" role="gridcell" style={{ width: `${width}px` }}>
          {text(span)}
        </span>
      ))}
    </div>
  );
}
