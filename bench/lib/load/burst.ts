import type { Latency } from "../process-timing.js";
import type { DescribedSubject } from "../interleave.js";

type Moments = Pick<Latency, "firstByteMs" | "exitMs">;

/** How long a burst took, in ms from its beginning. */
export interface BurstTimes {
  /** Until any of it had its first byte. */
  readonly firstFirstByteMs: number;
  /** Until all of it had theirs. */
  readonly lastFirstByteMs: number;
  readonly lastExitMs: number;
}

/** @param latencies of each of the burst, from the beginning of the whole; at least one */
export function burstTimes(latencies: readonly Moments[]): BurstTimes {
  if (latencies.length === 0) throw new RangeError("a burst of nothing has no times");
  const firstBytes = latencies.map(({ firstByteMs }) => firstByteMs);
  return {
    firstFirstByteMs: Math.min(...firstBytes),
    lastFirstByteMs: Math.max(...firstBytes),
    lastExitMs: Math.max(...latencies.map(({ exitMs }) => exitMs)),
  };
}

/**
 * Begins so many at the same moment, which is before the first of them: what it takes to begin the others counts.
 * @throws the first failure, when all of them are over
 */
export async function measureBurst(count: number, begin: () => Promise<Moments>): Promise<BurstTimes> {
  const burstBegan = performance.now();
  const all = await Promise.allSettled(
    Array.from({ length: count }, async (): Promise<Moments> => {
      const waitedMs = performance.now() - burstBegan;
      const { firstByteMs, exitMs } = await begin();
      return { firstByteMs: waitedMs + firstByteMs, exitMs: waitedMs + exitMs };
    }),
  );
  return burstTimes(
    all.map((one) => {
      if (one.status === "rejected") throw one.reason;
      return one.value;
    }),
  );
}

/** Something that is measured alone, so many times at the same moment. */
export function atOnce(count: number, alone: DescribedSubject<Moments>): DescribedSubject<BurstTimes> {
  return {
    name: `${alone.name}, ${count} at once`,
    description: `${count} begun in one go, each of them: ${alone.description}`,
    rounds: alone.rounds,
    measure: () => measureBurst(count, () => alone.measure()),
  };
}
