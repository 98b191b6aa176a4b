import { atRest } from "./at-rest.js";
import { interleave } from "./interleave.js";
import type { Latency } from "./process-timing.js";
import type { ScenarioOptions, SubjectResult } from "./scenario.js";
import type { Described } from "./subjects.js";
import { type Summary, summarize } from "./summary.js";
import { parseAddress } from "../../src/client/address.js";

/**
 * Measures single runs in turn, each after a pause with nothing left to do for the daemon.
 * @param figures what there is to tell of a subject's samples besides first byte and exit
 */
export async function measureLatencies(
  subjects: readonly Described[],
  {
    scenario,
    url,
    warmupRounds,
    options,
    figures = () => ({}),
  }: {
    scenario: string;
    url: string;
    warmupRounds: number;
    options: ScenarioOptions;
    figures?: (samples: readonly Latency[]) => Readonly<Record<string, Summary>>;
  },
): Promise<SubjectResult[]> {
  const samples = await interleave(subjects, {
    rounds: options.runs,
    warmupRounds,
    settle: () => atRest(parseAddress(url), options.token),
    idleMs: options.idleMs,
    signal: options.signal,
    onRound: (round) => {
      options.onProgress(`${scenario}: round ${round + 1} of ${options.runs}`);
    },
  });
  return subjects.map(({ name, description }, index) => {
    const own = samples[index] ?? [];
    return {
      name,
      description,
      metrics: {
        ...figures(own),
        "first byte": summarize(own.map(({ firstByteMs }) => firstByteMs)),
        exit: summarize(own.map(({ exitMs }) => exitMs)),
      },
    };
  });
}

/** For the notes of whoever checks every output. */
export const CHECKED_NOTE =
  "Every output was compared with the expected one; a wrong one would have ended the measurement.";

/** How sandboxes were had, for the notes. */
export function launchNote({ warm, cold }: Readonly<Record<"warm" | "cold", number>>): string {
  return `${warm} sandboxes were ready before their request, ${cold} were not (warm-up included); all count.`;
}
