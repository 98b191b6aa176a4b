// A client of the neighbours' own, in a process of its own: whatever they print does not keep the measuring one busy.
import { MatchboxClient } from "../../../src/client/client.js";
import type { Run } from "../../../src/client/run.js";
import { messageOf } from "../../../src/errors.js";
import type { FromNeighbours, ToNeighbours } from "./neighbours.js";

const [url = "", lane = ""] = process.argv.slice(2);
const client = await MatchboxClient.connect({ url });
let runs: Run[] = [];

process.on("disconnect", () => process.exit());
process.on("message", (message: ToNeighbours) => {
  void (message.do === "start" ? start(message.code, message.count) : stop()).then(tell, (error: unknown) => {
    tell({ failed: messageOf(error) });
  });
});
tell({ is: "connected" });

async function start(code: string, count: number): Promise<FromNeighbours> {
  runs = Array.from({ length: count }, () => client.run({ lane, code: `print('up', flush=True)\n${code}` }));
  await Promise.all(runs.map(untilUp));
  return { is: "up" };
}

async function stop(): Promise<FromNeighbours> {
  for (const run of runs) run.cancel();
  await Promise.allSettled(runs.map((run) => run.exit));
  runs = [];
  return { is: "gone" };
}

/** Reads on in the background, as a client does. @throws Error when the neighbour ends before it has begun */
async function untilUp(run: Run): Promise<void> {
  const events = run[Symbol.asyncIterator]();
  for (;;) {
    const { value: event } = await events.next();
    if (event === undefined || event.type === "exit") throw new Error("a neighbour ended before it had begun");
    if (event.type === "stdout") break;
  }
  void (async () => {
    while ((await events.next()).done !== true);
  })().catch(() => undefined);
}

function tell(message: FromNeighbours): void {
  process.send?.(message);
}
