import { atRest } from "./at-rest.js";
import { interleave } from "./interleave.js";
import type { Latency } from "./process-timing.js";
import { showNumber } from "./report.js";
import type { ScenarioOptions, SubjectResult } from "./scenario.js";
import type { Described } from "./subjects.js";
import { type Summary, summarize } from "./summary.js";
import { parseAddress } from "../../src/client/address.js";

/** What gives a latency each time. */
export type LatencySubject = Described & Pick<SubjectResult, "isFloor">;

/**
 * Measures single runs in turn, each after a pause with nothing left to do for the daemon.
 * @param figures what there is to tell of a subject's samples besides first byte and exit
 */
export async function measureLatencies(
  subjects: readonly LatencySubject[],
  {
    scenario,
    urls,
    warmupRounds,
    options,
    figures = () => ({}),
  }: {
    scenario: string;
    /** Of every daemon that has to be at rest before a measurement. */
    urls: readonly string[];
    warmupRounds: number;
    options: ScenarioOptions;
    figures?: (samples: readonly Latency[]) => Readonly<Record<string, Summary>>;
  },
): Promise<SubjectResult[]> {
  const samples = await interleave(subjects, {
    rounds: options.runs,
    warmupRounds,
    settle: async () => {
      for (const url of urls) await atRest(parseAddress(url), options.token);
    },
    idleMs: options.idleMs,
    signal: options.signal,
    onRound: (round) => {
      options.onProgress(`${scenario}: round ${round + 1} of ${options.runs}`);
    },
  });
  return subjects.map((subject, index) => {
    const own = samples[index] ?? [];
    return latencyResult(subject, own, figures(own));
  });
}

/**
 * What came out for one subject. Nothing ends in a floor, so it has no exit.
 * @param figures what there is to tell besides
 */
export function latencyResult(
  { name, description, isFloor }: Pick<LatencySubject, "name" | "description" | "isFloor">,
  samples: readonly Latency[],
  figures: Readonly<Record<string, Summary>> = {},
): SubjectResult {
  const firstByte = summarize(samples.map(({ firstByteMs }) => firstByteMs));
  if (isFloor === true) return { name, description, isFloor, metrics: { ...figures, "first byte": firstByte } };
  const exit = summarize(samples.map(({ exitMs }) => exitMs));
  return { name, description, metrics: { ...figures, "first byte": firstByte, exit } };
}

/** For the notes of whoever checks every output. */
export const CHECKED_NOTE =
  "Every output was compared with the expected one; a wrong one would have ended the measurement.";

/** How sandboxes were had, for the notes. */
export function launchNote({ warm, cold }: Readonly<Record<"warm" | "cold", number>>): string {
  return `${warm} sandboxes were ready before their request, ${cold} were not (warm-up included); all count.`;
}

/** How much of the first subject's first byte the floor is, for the notes; nothing to say without a floor. */
export function floorNotes(subjects: readonly SubjectResult[]): string[] {
  const ours = subjects[0]?.metrics["first byte"];
  const floor = subjects.find(({ isFloor }) => isFloor === true)?.metrics["first byte"];
  if (ours === undefined || floor === undefined) return [];
  return [
    `Of the first byte's ${showNumber(ours.p50)} ms (median), ${showNumber(floor.p50)} are what an echo over the same kind of WebSocket takes, with nothing run.`,
  ];
}
