// What a comparison leaves out, and how far its figures can be trusted, in the words of the command line.

import type { Comparison } from "../../api/types";
import { count, counted } from "../../pure/format";
import { letter } from "./Figures";

/** Below so many cases intervals of skewed values do not hold (docs/statistics.md, "Limits"). */
const FEW_CASES = 20;

export function Warnings({ comparisons }: { readonly comparisons: readonly Comparison[] }) {
  const several = comparisons.length > 1;
  return (
    <div class="compare-warnings">
      {comparisons.map((comparison, index) => {
        const { matched_cases, current_only_cases, base_only_cases } = comparison;
        const warnings = warningsOf(comparison);
        return (
          <p key={comparison.base.id}>
            {several && (
              <>
                <span class="letter">{letter(index + 1)}</span>{" "}
              </>
            )}
            {counted(matched_cases, "case")} in both, {count(current_only_cases)} only in current,{" "}
            {count(base_only_cases)} only in base
            {warnings.map((warning) => (
              <span key={warning} class="compare-warning">
                <span aria-hidden="true">! </span>
                {warning}
              </span>
            ))}
          </p>
        );
      })}
    </div>
  );
}

function warningsOf({ matched_cases, current_only_cases, base_only_cases }: Comparison): string[] {
  if (matched_cases === 0) return ["no input is the same in both: nothing can be compared"];
  const left = `compared on ${counted(matched_cases, "case")}; ${count(current_only_cases)} only in this run and ${count(base_only_cases)} only in the base are left out`;
  return [
    ...(current_only_cases + base_only_cases > 0 ? [left] : []),
    ...(matched_cases < FEW_CASES ? [`below ${FEW_CASES} cases, trust no interval of skewed values`] : []),
  ];
}
