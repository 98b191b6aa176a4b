import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "../errors.js";
import { advise } from "./advise.js";
import { unpacked } from "./arrival-memory.js";
import { adviceTask, type WorkerAnswer } from "./advice-task.js";
import { hoursOf, readTrace, TraceError } from "./trace.js";

// The thread that `Advisor` starts: reads the record and replays it, which takes seconds for a long one.

/** Arrivals that are replayed: the last ones, where there are more, so that it ends. */
const MAX_ARRIVALS = 50_000;
/** On Linux of this thread alone: runs come first, on every processor. */
setPriority(0, 19);

async function answer(): Promise<WorkerAnswer> {
  const { record, ...options } = adviceTask.parse(workerData);
  try {
    const trace = (typeof record === "string" ? await readTrace(record) : unpacked(record)).slice(-MAX_ARRIVALS);
    const lanes = advise({ trace, ...options }).map(({ lane, runs, present, recommended, isReached, reason }) => {
      return { lane, runs, present, recommended, isReached, reason };
    });
    return { hours: hoursOf(trace), lanes };
  } catch (error) {
    if (error instanceof TraceError) return { problem: messageOf(error) };
    throw error;
  }
}

parentPort?.postMessage(await answer());
