import type { ExitMessage } from "../../../src/protocol/exit.js";
import type { Launch } from "../../../src/protocol/messages.js";

/** How a run came to its sandbox, as the daemon tells it. */
export interface HandedOut {
  readonly launch: Launch;
  readonly timings: Pick<ExitMessage["timings"], "queueMs" | "handoutMs">;
}

/**
 * How long the daemon took from the receipt of a request to the release of its program.
 * @returns ms, of the runs that found a ready sandbox
 */
export function handoutsMs(runs: readonly HandedOut[]): number[] {
  return runs.flatMap(({ launch, timings: { queueMs, handoutMs } }) =>
    launch === "warm" ? [queueMs + handoutMs] : [],
  );
}

/** A request that is refused when no sandbox is ready. */
export interface ImpatientRequest {
  /** When it was sent, in ms from the beginning. */
  readonly sentMs: number;
  /** Undefined when it was refused. */
  readonly run: HandedOut | undefined;
}

/** What came of impatient requests that are more than sandboxes can be made. */
export interface RefillingFigures {
  /** Those that count, in ms. */
  readonly handoutsMs: readonly number[];
  /** Requests that got a sandbox, those that do not count included. */
  readonly handedOut: number;
  readonly refusedPercent: number;
  /** Sandboxes that became ready a second, from the first refusal to the last; undefined with fewer than two. */
  readonly refillsPerS: number | undefined;
}

/**
 * The hand-outs at which few sandboxes were ready, told from the answers alone, so that nobody has to ask the daemon
 * meanwhile. A refusal says that nothing is ready. So what was ready at a hand-out was handed out before the next refusal:
 * no more than that hand-out and those that follow it until then.
 * @param requests at least one, all there were, in the order in which the daemon got them
 * @param mostReady hand-outs at which more sandboxes may have been ready do not count
 */
export function refillingFigures(requests: readonly ImpatientRequest[], mostReady: number): RefillingFigures {
  if (requests.length === 0) throw new RangeError("no requests have no figures");
  const isRefused = ({ run }: ImpatientRequest): boolean => run === undefined;
  const runs = requests.flatMap(({ run }, index) => {
    const upToRefusal = requests.slice(index, index + Math.max(0, mostReady) + 1);
    return run !== undefined && upToRefusal.some(isRefused) ? [run] : [];
  });
  const refused = requests.filter(isRefused);
  return {
    handoutsMs: handoutsMs(runs),
    handedOut: requests.length - refused.length,
    refusedPercent: (refused.length / requests.length) * 100,
    refillsPerS: refillsPerS(requests.slice(requests.findIndex(isRefused), requests.findLastIndex(isRefused) + 1)),
  };
}

/** Of requests the first and the last of which were refused: nothing was ready at either, so what was handed out was made in between. */
function refillsPerS(requests: readonly ImpatientRequest[]): number | undefined {
  const [first, last] = [requests.at(0), requests.at(-1)];
  if (first === undefined || last === undefined || first === last) return undefined;
  return (requests.filter(({ run }) => run !== undefined).length / (last.sentMs - first.sentMs)) * 1_000;
}
