import { setTimeout as sleep } from "node:timers/promises";
import { MatchboxClient } from "../../../src/client/client.js";
import { RemoteError } from "../../../src/client/errors.js";
import type { Figures } from "./figures.js";

const POLITE_CLIENTS = 9;
export const GREEDY_RUNS = 256;
const WINDOW_MS = 10_000;
/** A greedy client has all it can get by then. */
const HEAD_START_MS = 2_000;
/** Before somebody asks again who was refused. */
const RETRY_MS = 50;
/** Timers may be a millisecond early. */
const EARLY_MS = 5;

/** Nine clients, each with one run after the other, for a window; beside one that keeps as many runs live as it may, or alone. */
export async function sharedLane(url: string, lane: string, { isGreedy }: { isGreedy: boolean }): Promise<Figures> {
  await using greedy = await MatchboxClient.connect({ url });
  const begin = performance.now() + (isGreedy ? HEAD_START_MS : 0);
  const isOver = (): boolean => performance.now() >= begin + WINDOW_MS;
  const asked = Array.from({ length: isGreedy ? GREEDY_RUNS : 0 }, async () => {
    while (!isOver()) await startOf(greedy, { lane, code: "import time; time.sleep(1)" });
  });
  const clients = await Promise.all(Array.from({ length: POLITE_CLIENTS }, () => MatchboxClient.connect({ url })));
  await sleep(begin - performance.now());
  const wait: number[] = [];
  let refused = 0;
  let ended = 0;
  const polite = clients.map(async (client) => {
    while (!isOver()) {
      const askedAt = performance.now();
      for (;;) {
        const end = await startOf(client, { lane, code: "print(1)" }, () => {
          wait.push(performance.now() - askedAt);
        });
        if (end === "refused") refused += 1;
        else {
          // Who has waited until the end in vain has waited for at least so long.
          if (end === "closed") wait.push(performance.now() - askedAt);
          else if (!isOver()) ended += 1;
          break;
        }
      }
    }
  });
  await sleep(begin + WINDOW_MS + EARLY_MS - performance.now());
  await Promise.all([...clients, greedy].map((client) => client[Symbol.asyncDispose]()));
  await Promise.all([...polite, ...asked]);
  return {
    wait,
    "longest wait": [Math.max(...wait)],
    refused: [refused],
    runs: [(ended / WINDOW_MS) * 1_000],
  };
}

/**
 * A run until it has ended, or is refused for want of room; after a refusal it waits a little.
 * @returns `closed` when the connection was closed before it started
 * @throws Error for every other failure
 */
async function startOf(
  client: MatchboxClient,
  request: { lane: string; code: string },
  onStarted: () => void = () => undefined,
): Promise<"ended" | "refused" | "closed"> {
  let hasStarted = false;
  try {
    for await (const { type } of client.run(request)) {
      if (type !== "started") continue;
      hasStarted = true;
      onStarted();
    }
    return "ended";
  } catch (error) {
    if (error instanceof RemoteError) {
      if (error.code !== "queue_full") throw error;
      await sleep(RETRY_MS);
      return "refused";
    }
    return hasStarted ? "ended" : "closed";
  }
}
