// Errors of a case, each with its stack.

import type { Fault } from "../../pure/reasons";

export function Faults({ faults, trace }: { readonly faults: readonly Fault[]; readonly trace: string }) {
  return (
    <section class="case-part" aria-label="errors">
      {faults.map(({ where, span, message, stack }, index) => (
        <div key={index} class="fault">
          <div>
            <strong class="error">{where} failed</strong>{" "}
            {span && (
              <a class="small" href={`${trace}?s=${encodeURIComponent(span)}`}>
                span
              </a>
            )}
          </div>
          <p class="fault-message">{message}</p>
          {stack && (
            <details open={faults.length === 1 && stack.length < 2000}>
              <summary>Stack</summary>
              <pre>{stack}</pre>
            </details>
          )}
        </div>
      ))}
    </section>
  );
}
