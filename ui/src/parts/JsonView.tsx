// A JSON value as a tree. What is large is cut until it is asked for.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { bytes, counted } from "../pure/format";
import { safeLink } from "../pure/path";
import { isTree, type Json, members, oneLine } from "../pure/tree";
import { Copy } from "./Copy";

export interface JsonViewProps {
  /** Undefined counts as absent. */
  readonly value: unknown;
  /** Levels that are open at first; 2 by default. */
  readonly open?: number;
  /** Without the button that copies all of it. */
  readonly bare?: boolean;
}

/** Characters of a text, and members of a list or object, that are shown at first. */
const TEXT_CUT = 2_000;
const MEMBERS_CUT = 100;
/** Deeper trees than this are shown as text: elements nest on the browser's stack. */
const DEEPEST = 60;

export function JsonView({ value, open = 2, bare }: JsonViewProps) {
  if (value === undefined) return <span class="faint">absent</span>;
  const text = () => (typeof value === "string" ? value : JSON.stringify(value, null, 2));
  return (
    <div class="json">
      {!bare && (
        <div class="json-copy">
          <Copy text={text} />
        </div>
      )}
      {typeof value === "string" ? (
        <Text text={value} plain />
      ) : (
        <Node value={value as Json} open={open} depth={0} />
      )}
    </div>
  );
}

interface NodeProps {
  readonly value: Json;
  readonly name?: string;
  readonly open: number;
  readonly depth: number;
}

function Node({ value, name, open, depth }: NodeProps) {
  const label = name === undefined ? null : <span class="json-name">{name}: </span>;
  if (!isTree(value)) {
    return (
      <div class="json-line">
        {label}
        <Leaf value={value} />
      </div>
    );
  }
  if (depth >= DEEPEST) {
    return (
      <div class="json-line">
        {label}
        <Text text={JSON.stringify(value)} />
      </div>
    );
  }
  return <Branch value={value} label={label} open={open} depth={depth} />;
}

interface BranchProps {
  readonly value: Json[] | { [name: string]: Json };
  readonly label: ComponentChildren;
  readonly open: number;
  readonly depth: number;
}

function Branch({ value, label, open, depth }: BranchProps) {
  const list = Array.isArray(value);
  const all = members(value);
  const isOpen = useSignal(depth < open && all.size > 0);
  const cut = useSignal(MEMBERS_CUT);
  const [left, right] = list ? ["[", "]"] : ["{", "}"];
  const size = counted(all.size, list ? "item" : "member");
  return (
    <div class="json-branch">
      <button
        type="button"
        class="json-line json-toggle"
        aria-expanded={isOpen.value}
        disabled={all.size === 0}
        onClick={() => {
          isOpen.value = !isOpen.value;
        }}
      >
        <span class="json-arrow" aria-hidden="true">
          {all.size === 0 ? "" : isOpen.value ? "▾" : "▸"}
        </span>
        {label}
        <span class="faint">
          {all.size === 0 ? left + right : isOpen.value ? size : `${oneLine(value, 80)}  ${size}`}
        </span>
      </button>
      {isOpen.value && (
        <div class="json-members">
          {[...all].slice(0, cut.value).map(([name, member]) => (
            <Node key={name} name={name} value={member} open={open} depth={depth + 1} />
          ))}
          {all.size > cut.value && (
            <button
              type="button"
              class="button quiet small"
              onClick={() => {
                // In steps: all of a million at once would stop the page.
                cut.value += 10 * MEMBERS_CUT;
              }}
            >
              Show {Math.min(all.size - cut.value, 10 * MEMBERS_CUT)} more of {all.size}
            </button>
          )}
        </div>
      )}
    </div>
  );
}

function Leaf({ value }: { readonly value: null | boolean | number | string }) {
  if (typeof value === "string") return <Text text={value} />;
  return <span class={`json-${value === null ? "null" : typeof value}`}>{String(value)}</span>;
}

/** A text, with line breaks as they are; cut if it is long. */
function Text({ text, plain }: { readonly text: string; readonly plain?: boolean }) {
  const all = useSignal(false);
  const shown = all.value ? text : text.slice(0, TEXT_CUT);
  const link = safeLink(text);
  return (
    <span class={plain ? "json-plain" : "json-string"}>
      {link ? (
        <a href={link} target="_blank" rel="noopener noreferrer">
          {shown}
        </a>
      ) : (
        shown
      )}
      {text.length > TEXT_CUT && !all.value && (
        <>
          …{" "}
          <button
            type="button"
            class="button quiet small"
            onClick={() => {
              all.value = true;
            }}
          >
            Show all, {bytes(text.length)}
          </button>
        </>
      )}
    </span>
  );
}
