import { readFileSync } from "node:fs";

/**
 * Processor time of the calling thread so far, in ms. Unlike the clock it does not run while other threads and other
 * processes have the processor, so a bound on it holds on a busy machine too.
 */
export function threadCpuMs(): number {
  const [nanoseconds = ""] = readFileSync("/proc/thread-self/schedstat", "utf8").split(" ");
  return Number(nanoseconds) / 1e6;
}
