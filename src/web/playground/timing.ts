import type { ExitMessage } from "../../protocol/exit.js";

/** One stretch of a run's time, in the order in which they follow each other. */
export interface Stretch {
  readonly kind: "queue" | "handout" | "first-byte" | "run";
  readonly name: string;
  readonly ms: number;
}

/** What a run's time went into, without gaps and without anything counted twice. */
export function stretchesOf({ queueMs, handoutMs, firstByteMs, runMs }: ExitMessage["timings"]): Stretch[] {
  // The first byte is counted from the request on, and seen by the daemon; the program's time is measured in its sandbox.
  const silentMs = firstByteMs === null ? 0 : Math.min(runMs, Math.max(0, firstByteMs - queueMs - handoutMs));
  return [
    { kind: "queue", name: "waiting", ms: queueMs },
    { kind: "handout", name: "hand-out", ms: handoutMs },
    ...(firstByteMs === null ? [] : [{ kind: "first-byte", name: "to the first byte", ms: silentMs } as const]),
    { kind: "run", name: firstByteMs === null ? "run, no output" : "to the end", ms: runMs - silentMs },
  ];
}
