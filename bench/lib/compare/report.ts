import { type Change, type Comparison, isRegression, LEAST_CHANGE } from "./compare.js";
import { showFactor, showNumber, wordsFor } from "../report.js";
import type { StoredResult } from "../results.js";

/** Ratios first, then the medians where both results are of one machine, then what could not be compared, then the verdict. */
export function printComparison(
  before: StoredResult,
  after: StoredResult,
  comparison: Comparison,
  print: (line: string) => void,
): void {
  const { ratios, medians, notices } = comparison;
  print(`${after.scenario}: ${before.date} (${before.matchbox}) -> ${after.date} (${after.matchbox})`);
  if (ratios.length > 0) {
    print("");
    for (const change of ratios) print(`  ${showRatioChange(change)}`);
  }
  if (medians.length > 0) {
    print("");
    print("Medians, of machines of the same description:");
    for (const change of medians) print(`  ${showMedianChange(change)}`);
  }
  print("");
  for (const notice of notices) print(`Note: ${notice}`);
  print(
    isRegression(comparison)
      ? `Worse, beyond noise and by more than ${LEAST_CHANGE * 100} %.`
      : `Nothing became worse beyond noise and by more than ${LEAST_CHANGE * 100} %.`,
  );
}

/** `matchbox vs docker run, first byte: 82 -> 75 times faster: 9 % slower (95 %: 3 % to 16 % slower)`. */
export function showRatioChange(change: Change): string {
  const { subject, comparedWith = "", metric, before, after, unit } = change;
  const figures = `${showFactor(before)} -> ${showFactor(after)} times ${wordsFor(unit).better}`;
  return `${subject} vs ${comparedWith}, ${metric}: ${figures}: ${showChange(change)}`;
}

function showMedianChange(change: Change): string {
  const { subject, metric, before, after, unit, counts } = change;
  const figures = `${showNumber(before)} -> ${showNumber(after)} ${unit}`;
  return `${subject}, ${metric}: ${figures}: ${showChange(change)}${counts ? "" : ", not counted"}`;
}

function showChange({ better, interval: { low, high }, verdict, unit }: Change): string {
  if (verdict === "unclear") {
    return `no difference that the noise lets one see (95 %: ${showBetter(low, unit)} to ${showBetter(high, unit)})`;
  }
  return `${showBetter(better, unit)} (95 %: ${showBetter(low, unit)} to ${showBetter(high, unit)})`;
}

/** `9 % slower` for 1 / 1.09, `9 % faster` for 1.09. */
function showBetter(better: number, unit: Change["unit"]): string {
  const words = wordsFor(unit);
  return better < 1 ? `${showPercent(1 / better - 1)} ${words.worse}` : `${showPercent(better - 1)} ${words.better}`;
}

/** Below ten percent with a digit more. */
function showPercent(share: number): string {
  const percent = share * 100;
  return `${percent.toFixed(percent < 9.95 ? 1 : 0)} %`;
}
