// A button that opens a list of choices below itself.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useKeys } from "./keyboard";

export interface MenuProps {
  readonly label: ComponentChildren;
  readonly hint?: string;
  readonly children: ComponentChildren;
}

export function Menu({ label, hint, children }: MenuProps) {
  const open = useSignal(false);
  const box = useRef<HTMLDivElement>(null);
  const close = () => {
    open.value = false;
    box.current?.querySelector("button")?.focus();
  };
  useKeys([{ keys: ["Escape"], what: "", run: close, whileTyping: true }], open.value);
  useEffect(() => {
    if (!open.value) return;
    const away = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) open.value = false;
    };
    document.addEventListener("pointerdown", away);
    document.addEventListener("focusin", away);
    return () => {
      document.removeEventListener("pointerdown", away);
      document.removeEventListener("focusin", away);
    };
  }, [open.value]);
  return (
    <div class="menu" ref={box}>
      <button
        type="button"
        class="button"
        title={hint}
        aria-haspopup="true"
        aria-expanded={open.value}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        {label}
        <span class="caret" aria-hidden="true">
          ▾
        </span>
      </button>
      {open.value && <div class="menu-list">{children}</div>}
    </div>
  );
}
