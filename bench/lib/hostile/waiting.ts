import { setTimeout as sleep } from "node:timers/promises";
import { RawConnection } from "../raw-connection.js";
import type { Figures } from "./figures.js";
import { healthWaits } from "./polite.js";

const CONNECTIONS = 4;
const RUNS_EACH = 255;
/** A run that has waited for so long ends. */
const QUEUE_MS = 15_000;
/** Ends that have not come by then do not come. */
const PATIENCE_MS = 60_000;
const POLL_MS = 20;

/** A thousand runs wait at once: what the health takes meanwhile, and how late those end that wait for too long. */
export async function longLine(url: string, lane: string): Promise<Figures> {
  const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => RawConnection.open(url, undefined)));
  const late: number[] = [];
  let [queued, ended] = [0, 0];
  const begin = performance.now();
  const all = CONNECTIONS * RUNS_EACH;
  const isOver = (): boolean => ended === all || performance.now() - begin > QUEUE_MS + PATIENCE_MS;
  try {
    for (const connection of connections) {
      connection.listen((text) => {
        // Looked at and not parsed: half a million of them must not keep this process from asking for the health.
        if (text.includes('"type":"queued"')) queued += 1;
        else if (text.includes('"type":"exit"')) ended += 1;
        else if (text.includes('"type":"error"')) {
          ended += 1;
          late.push(Math.max(0, performance.now() - begin - QUEUE_MS));
        }
      });
      for (let index = 0; index < RUNS_EACH; index += 1) {
        connection.send({ type: "run", id: `r${index}`, lane, code: "print(1)", queueMs: QUEUE_MS });
      }
    }
    const health = await healthWaits(url, isOver);
    while (!isOver()) await sleep(POLL_MS);
    return {
      "/healthz": health,
      "longest /healthz": [Math.max(...health)],
      "queued sent": [queued],
      "ending late by": late,
      "no ending": [all - ended],
    };
  } finally {
    for (const connection of connections) connection[Symbol.dispose]();
  }
}
