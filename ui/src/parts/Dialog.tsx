// A question that must be answered before anything else.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

export interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  /** Whether Esc does not close it, as what it shows is never shown again. */
  readonly firm?: boolean;
  readonly children: ComponentChildren;
}

export function Dialog({ title, onClose, firm, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog
      ref={dialog}
      class="question"
      aria-label={title}
      onCancel={(event) => {
        // Closed by what shows it, so that both agree.
        event.preventDefault();
        if (!firm) onClose();
      }}
      onClose={onClose}
    >
      <h2>{title}</h2>
      {children}
    </dialog>
  );
}
