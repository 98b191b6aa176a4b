import { setTimeout as sleep } from "node:timers/promises";

/** Something to measure again and again. */
export interface Subject<Sample> {
  readonly name: string;
  /** Measured rounds, at most as many as the whole has; fewer are spread evenly over it. */
  readonly rounds: number;
  measure(): Promise<Sample>;
}

/** What is measured, and in words exactly how, so that somebody else can do it too. */
export type DescribedSubject<Sample> = Subject<Sample> & { readonly description: string };

export interface InterleaveOptions {
  readonly rounds: number;
  readonly warmupRounds: number;
  /** Waits until what the measurement before has left to do is done. */
  readonly settle: () => Promise<void>;
  /** Pause after that, before each measurement. */
  readonly idleMs: number;
  readonly signal: AbortSignal;
  readonly onRound: (round: number) => void;
}

/**
 * Measures subjects in turn instead of one after the other, so that whatever changes on the machine meanwhile (heat,
 * neighbours, caches) changes for all of them. Who begins changes with every round.
 * @returns the samples of each subject, in the order of `subjects`
 * @throws the signal's reason, and the first failure of a measurement: a figure without it would not be one
 */
export async function interleave<Sample>(
  subjects: readonly Subject<Sample>[],
  options: InterleaveOptions,
): Promise<Sample[][]> {
  const samples = subjects.map((): Sample[] => []);
  for (let round = 0; round < options.warmupRounds; round += 1) {
    for (const subject of subjects) {
      await pause(options);
      await subject.measure();
    }
  }
  for (let round = 0; round < options.rounds; round += 1) {
    options.onRound(round);
    for (let turn = 0; turn < subjects.length; turn += 1) {
      const index = (turn + round) % subjects.length;
      const subject = subjects[index];
      if (subject === undefined || !isDue(round, subject.rounds, options.rounds)) continue;
      await pause(options);
      samples[index]?.push(await subject.measure());
    }
  }
  return samples;
}

async function pause({ settle, idleMs, signal }: InterleaveOptions): Promise<void> {
  signal.throwIfAborted();
  await settle();
  await sleep(idleMs, undefined, { signal });
}

/** Whether a subject with fewer rounds has its turn in this one. */
export function isDue(round: number, own: number, all: number): boolean {
  return Math.floor(((round + 1) * own) / all) > Math.floor((round * own) / all);
}
