import type { Random } from "./arrivals.js";

/** Runs that come one by one, as a Poisson process, and others that come together, as agents that fan out send them. */
export interface BurstyLoad {
  readonly durationMs: number;
  /** Of runs that come alone. */
  readonly singlesPerS: number;
  readonly burstsPerS: number;
  /** Every size from the least to the most is as likely. */
  readonly burstSize: { readonly least: number; readonly most: number };
  /** A burst's runs come within so long. */
  readonly burstMs: number;
}

/** @returns moments in ms from the beginning, ascending */
export function burstyArrivals(load: BurstyLoad, random: Random): number[] {
  const { durationMs, singlesPerS, burstsPerS, burstSize, burstMs } = load;
  const singles = poissonProcess(singlesPerS, durationMs, random);
  const bursts = poissonProcess(burstsPerS, durationMs, random).flatMap((atMs) => {
    const size = burstSize.least + Math.floor(random() * (burstSize.most - burstSize.least + 1));
    return Array.from({ length: size }, () => atMs + random() * burstMs);
  });
  return [...singles, ...bursts].sort((one, other) => one - other);
}

function poissonProcess(ratePerS: number, durationMs: number, random: Random): number[] {
  const moments: number[] = [];
  const gapMs = (): number => (-Math.log(1 - random()) / ratePerS) * 1_000;
  for (let atMs = gapMs(); atMs < durationMs; atMs += gapMs()) moments.push(atMs);
  return moments;
}
