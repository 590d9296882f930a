// The critical path of a trace: backwards from its end, always to what ended last.

import type { Domain } from "./scale";
import type { Span, Tree } from "./trace";

/**
 * For each span on the path, the stretches in which it alone decides how long the trace takes. They
 * do not overlap, and cover the time from the first root's start to the last end.
 */
export function criticalPath(tree: Tree): Map<number, Domain[]> {
  const path = new Map<number, Domain[]>();
  const roots: number[] = [];
  const children = new Map<number, number[]>();
  for (const [index, { parent }] of tree.spans.entries()) {
    if (parent < 0) roots.push(index);
    else {
      const list = children.get(parent);
      if (list) list.push(index);
      else children.set(parent, [index]);
    }
  }
  // -1 stands for what is above all roots.
  const stack: { index: number; from: number; until: number }[] = [
    { index: -1, from: tree.extent.from, until: tree.extent.to },
  ];
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { index, from, until } = next;
    const below = index < 0 ? roots : (children.get(index) ?? []);
    below.sort((a, b) => (tree.spans[b] as Span).end - (tree.spans[a] as Span).end);
    let at = until;
    for (const child of below) {
      const { start, end } = tree.spans[child] as Span;
      const childEnd = Math.min(end, at);
      if (childEnd <= from) break;
      if (start >= at || childEnd <= start) continue;
      if (childEnd < at) add(path, index, childEnd, at);
      at = Math.max(start, from);
      stack.push({ index: child, from: at, until: childEnd });
    }
    if (at > from) add(path, index, from, at);
  }
  path.delete(-1);
  return path;
}

function add(path: Map<number, Domain[]>, index: number, from: number, to: number): void {
  const pieces = path.get(index);
  if (pieces) pieces.push({ from, to });
  else path.set(index, [{ from, to }]);
}
