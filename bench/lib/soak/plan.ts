import type { ExitReason } from "../../../src/protocol/exit.js";
import { seededNumbers, weighted } from "../seeded.js";

export const SOAK_LANES = ["python", "shell"] as const;
export type SoakLane = (typeof SOAK_LANES)[number];

/** What a run does, and by how many of so many in all: mostly what agents do, with every ending often enough. */
const KIND_WEIGHTS = {
  print: 30,
  megabyte: 10,
  "exit code": 10,
  exception: 10,
  "time-out": 8,
  cancel: 8,
  disconnect: 8,
  stdin: 8,
  file: 8,
} as const;
export type SoakKind = keyof typeof KIND_WEIGHTS;

/** Mostly Python: a sandbox with a network takes longer to make, and would set the pace of all. */
const LANE_WEIGHTS: Readonly<Record<SoakLane, number>> = { python: 9, shell: 1 };

/** One run of a soak. */
export interface SoakStep {
  readonly index: number;
  readonly lane: SoakLane;
  readonly kind: SoakKind;
}

/** The reason with which each kind has to end. */
export const REASONS: Readonly<Record<SoakKind, ExitReason>> = {
  print: "exited",
  megabyte: "exited",
  "exit code": "exited",
  exception: "exited",
  "time-out": "timed_out",
  cancel: "cancelled",
  disconnect: "client_gone",
  stdin: "exited",
  file: "exited",
};

/** A mix of runs, the same for the same seed. */
export function planSoak(runs: number, seed: number): SoakStep[] {
  const next = seededNumbers(seed);
  return Array.from({ length: runs }, (_, index) => ({
    index,
    lane: weighted(LANE_WEIGHTS, next()),
    kind: weighted(KIND_WEIGHTS, next()),
  }));
}

/** How many of them there are of each kind, in words. */
export function describeMix(steps: readonly SoakStep[]): string {
  const kinds = Object.keys(KIND_WEIGHTS).map((name) => `${name} ${steps.filter(({ kind }) => kind === name).length}`);
  const shell = steps.filter(({ lane }) => lane === "shell").length;
  return `${kinds.join(", ")}; ${shell} of them in the shell lane`;
}

/** How often each lane has to have ended a run for each reason after these. */
export function expectedReasons(steps: readonly SoakStep[]): Record<SoakLane, Partial<Record<ExitReason, number>>> {
  const counts: Record<SoakLane, Partial<Record<ExitReason, number>>> = { python: {}, shell: {} };
  for (const { lane, kind } of steps) {
    const reason = REASONS[kind];
    counts[lane][reason] = (counts[lane][reason] ?? 0) + 1;
  }
  return counts;
}
