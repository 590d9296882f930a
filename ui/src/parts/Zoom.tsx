// Buttons for what keys and the wheel do with a time axis.

import { isWhole } from "../pure/view";
import "../style/time.css";
import type { TimeAxis } from "./timeAxis";

export function Zoom({ axis }: { readonly axis: TimeAxis }) {
  return (
    <span class="zoom" role="group" aria-label="zoom">
      <button
        type="button"
        class="button icon"
        title="zoom out -"
        aria-label="zoom out"
        onClick={() => axis.zoom(1 / 1.6)}
      >
        −
      </button>
      <button
        type="button"
        class="button icon"
        title="zoom in +"
        aria-label="zoom in"
        onClick={() => axis.zoom(1.6)}
      >
        +
      </button>
      <All axis={axis} />
    </span>
  );
}

function All({ axis }: { readonly axis: TimeAxis }) {
  return (
    <button
      type="button"
      class="button"
      title="all of the time 0"
      disabled={isWhole(axis.view.value, axis.extent.value)}
      onClick={axis.reset}
    >
      All
    </button>
  );
}
