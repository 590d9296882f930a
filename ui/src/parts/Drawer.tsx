// A panel from the right over its page, which stays usable: rows can be gone through while it is open.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useKeys } from "./keyboard";

export interface DrawerProps {
  readonly title: ComponentChildren;
  readonly onClose: () => void;
  /** `[` and `]`, and buttons; absent at the ends. */
  readonly onPrevious?: (() => void) | undefined;
  readonly onNext?: (() => void) | undefined;
  /** What `[` and `]` go through, for the help: `case` by default. */
  readonly of?: string;
  /** Beside the title. */
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Drawer({ title, onClose, onPrevious, onNext, of = "case", actions, children }: DrawerProps) {
  const panel = useRef<HTMLDivElement>(null);
  useKeys([
    { keys: ["Escape"], what: "close", run: onClose, whileTyping: true },
    { keys: ["["], what: `previous ${of}`, run: () => (onPrevious ? onPrevious() : false) },
    { keys: ["]"], what: `next ${of}`, run: () => (onNext ? onNext() : false) },
  ]);
  useEffect(() => {
    const before = document.activeElement;
    panel.current?.focus({ preventScroll: true });
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <div
      class="drawer"
      ref={panel}
      tabIndex={-1}
      role="dialog"
      aria-label={typeof title === "string" ? title : of}
    >
      <header class="drawer-head">
        <h2 class="cut">{title}</h2>
        {actions}
        <button
          type="button"
          class="button quiet"
          disabled={!onPrevious}
          onClick={onPrevious}
          title={`previous ${of} [`}
        >
          ↑
        </button>
        <button type="button" class="button quiet" disabled={!onNext} onClick={onNext} title={`next ${of} ]`}>
          ↓
        </button>
        <button type="button" class="button quiet" onClick={onClose} title="close Esc" aria-label="close">
          ✕
        </button>
      </header>
      <div class="drawer-body">{children}</div>
    </div>
  );
}
