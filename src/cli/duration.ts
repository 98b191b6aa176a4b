import { MAX_TIMEOUT_MS } from "../protocol/limits.js";

const UNITS: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
]);

/**
 * Reads `500ms`, `10s`, `1.5m` or `2h` as milliseconds.
 * @throws TypeError that says what is allowed; also for a bare number, whose unit would be a guess
 */
export function parseDuration(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text.trim()) ?? [];
  const factor = unit === undefined ? undefined : UNITS.get(unit);
  if (number === undefined || factor === undefined) {
    const hint = /^\d+(?:\.\d+)?$/.test(text.trim()) ? `; did you mean ${text.trim()}s or ${text.trim()}ms?` : "";
    throw new TypeError(`"${text}" is not a duration: write a number with a unit, such as 500ms, 10s or 2m${hint}`);
  }
  const milliseconds = Math.round(Number(number) * factor);
  if (milliseconds < 1 || milliseconds > MAX_TIMEOUT_MS) throw new TypeError(`"${text}" is not between 1ms and 24h`);
  return milliseconds;
}

/** The same, and a bare number as milliseconds; for options that say so. @throws TypeError */
export function parseMilliseconds(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : parseDuration(text);
}

/** A duration for people: `250 ms`, `1.5 s`, `2 min`. */
export function showDuration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${Number((milliseconds / 1_000).toFixed(1))} s`;
  return `${Number((milliseconds / 60_000).toFixed(1))} min`;
}
