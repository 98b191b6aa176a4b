import { setTimeout as sleep } from "node:timers/promises";

/** Looks again and again until it is so. @throws after the time-out, naming what was waited for */
export async function waitFor(
  isSo: () => boolean | Promise<boolean>,
  options: { timeoutMs: number; what: string },
): Promise<void> {
  const deadline = performance.now() + options.timeoutMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`waited ${options.timeoutMs} ms in vain for ${options.what}`);
    await sleep(20);
  }
}
