import { setTimeout as sleep } from "node:timers/promises";
import { MatchboxClient } from "../../../src/client/client.js";
import { processMemory, resetPeak } from "../memory/memory.js";
import type { BenchDaemon } from "../own-daemon.js";
import { type Launches, observeRun, type Task } from "../subjects.js";
import { type Flood, HostileClient, type Hostility } from "./client.js";
import type { Figures } from "./figures.js";

const TASK: Task = { code: "print(1)", expected: "1\n" };
/** Between two requests: the health is asked all the time, and runs come no faster than the stock is filled again. */
const HEALTH_GAP_MS = 2;
const RUN_GAP_MS = 200;
/** Messages that are answered sooner are sent again for so long. */
const LEAST_MS = 1_500;

/** What somebody waits who asks for `/healthz` again and again until it is over, in ms. */
export async function healthWaits(url: string, isOver: () => boolean): Promise<number[]> {
  const waits: number[] = [];
  // At least one that began while the others were at work.
  do {
    const begin = performance.now();
    // A daemon that was busy for long closes connections that wait to be read; who asks again has waited all the while.
    while (
      (await fetch(`${url}/healthz`).then(
        (answer) => answer.text(),
        () => undefined,
      )) === undefined
    )
      await sleep(HEALTH_GAP_MS);
    waits.push(performance.now() - begin);
    await sleep(HEALTH_GAP_MS);
  } while (!isOver());
  return waits;
}

/** What a polite client waits at most while others send messages that take long to read. */
export async function besideMessages(
  { url }: BenchDaemon,
  { frames }: Hostility,
  place: { lane: string; launches: Launches },
): Promise<Figures> {
  const end = performance.now() + LEAST_MS;
  return politeWaits(url, frames(), place, async (hostile, frame) => {
    do await hostile.send(frame);
    while (performance.now() < end);
  });
}

/** The same while somebody sends and does not read, and by how much the daemon's memory exceeds `restMiB`. */
export async function besideFlood(
  { url, pid }: BenchDaemon,
  flood: Flood,
  { restMiB, ...place }: { lane: string; launches: Launches; restMiB: number },
): Promise<Figures> {
  await resetPeak(pid);
  const waits = await politeWaits(url, flood.frames(), place, (hostile, frame) => hostile.flood(frame, flood));
  const { peakMiB } = await processMemory(pid);
  return { ...waits, "memory growth": [Math.max(0, peakMiB - restMiB)] };
}

async function politeWaits(
  url: string,
  frames: readonly Buffer[],
  { lane, launches }: { lane: string; launches: Launches },
  mischief: (hostile: HostileClient, frame: Buffer) => Promise<void>,
): Promise<Figures> {
  await using client = await MatchboxClient.connect({ url });
  const hostiles = await Promise.all(frames.map(() => HostileClient.connect(url)));
  let isOver = false;
  const work = Promise.all(
    hostiles.map(async (hostile, index) => {
      await using own = hostile;
      await mischief(own, frames[index] ?? Buffer.alloc(0));
    }),
  ).finally(() => (isOver = true));
  const [health, runs] = await Promise.all([
    healthWaits(url, () => isOver),
    warmRuns(client, { lane, launches }, () => isOver),
    work,
  ]);
  return { "longest /healthz": [Math.max(...health)], ...(runs.length > 0 && { "longest run": [Math.max(...runs)] }) };
}

/** What runs took that found a sandbox ready, to the exit, in ms. */
async function warmRuns(
  client: MatchboxClient,
  { lane, launches }: { lane: string; launches: Launches },
  isOver: () => boolean,
): Promise<number[]> {
  const taken: number[] = [];
  do {
    const begin = performance.now();
    const { launch, exitAt } = await observeRun(client, lane, TASK);
    launches[launch] += 1;
    if (launch === "warm") taken.push(exitAt - begin);
    await sleep(RUN_GAP_MS);
  } while (!isOver());
  return taken;
}
