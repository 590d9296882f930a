// Keys: what a keyboard event is called, and what each name does.

export interface KeyLike {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
}

/** `j`, `?`, `Enter`, `shift+Enter`, `mod+k`; null for keys with modifiers that belong to the browser. */
export function keyName(event: KeyLike): string | null {
  if (event.altKey) return null;
  const mod = event.ctrlKey || event.metaKey ? "mod+" : "";
  // Shift is part of what is typed: `?` is not `shift+?`.
  const shift = event.shiftKey && event.key.length > 1 ? "shift+" : "";
  return `${mod}${shift}${event.key === " " ? "Space" : event.key}`;
}

export interface Binding {
  /** Names as of [keyName]. */
  readonly keys: readonly string[];
  /** What it does, for the help. */
  readonly what: string;
  /** Returns false if it does not apply now, so that an earlier binding may. */
  readonly run: () => boolean | void;
  /** Also while something is typed. */
  readonly whileTyping?: boolean;
}

/** The binding for a key: the latest one that applies, since a drawer lies over its page. */
export function dispatch(bindings: readonly Binding[], name: string, typing: boolean): boolean {
  for (const binding of [...bindings].reverse()) {
    if (!binding.keys.includes(name) || (typing && !binding.whileTyping)) continue;
    if (binding.run() !== false) return true;
  }
  return false;
}

/** Bindings for the help, each action once. */
export function helpLines(bindings: readonly Binding[]): { keys: readonly string[]; what: string }[] {
  const seen = new Set<string>();
  return bindings.filter(({ what }) => {
    if (what === "" || seen.has(what)) return false;
    seen.add(what);
    return true;
  });
}

/** The row that a key of a table leads to; null if the key is none of them. */
export function rowAfter(name: string, row: number, rows: number, page: number): number | null {
  const last = rows - 1;
  const to: Record<string, number> = {
    j: row + 1,
    ArrowDown: row + 1,
    k: row - 1,
    ArrowUp: row - 1,
    PageDown: row + page,
    PageUp: row - page,
    Home: 0,
    End: last,
  };
  const next = to[name];
  return next === undefined || rows === 0 ? null : Math.min(Math.max(next, 0), last);
}
