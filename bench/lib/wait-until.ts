import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 100;

/**
 * Asks again and again until the answer is the expected number.
 * @returns the last answer, which is another one when the time is over
 */
export async function lastAnswer(ask: () => Promise<number>, expected: number, deadlineMs: number): Promise<number> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const answer = await ask();
    if (answer === expected || performance.now() > end) return answer;
    await sleep(POLL_MS);
  }
}
