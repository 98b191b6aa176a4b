import { spawn } from "node:child_process";

/** How long something took, from asking for it, and what it printed. */
export interface Latency {
  readonly firstByteMs: number;
  readonly exitMs: number;
  readonly output: string;
}

/** What a program has to print: exactly this, or something of this form. */
export type Expected = string | RegExp;

export function isExpected(output: string, expected: Expected): boolean {
  return typeof expected === "string" ? output === expected : expected.test(output);
}

/**
 * Runs a program and takes the time from just before it is spawned to its first byte of output and to its end.
 * @throws Error when it prints anything but what is expected, or fails
 */
export function timeProcess(command: string, args: readonly string[], expected: Expected): Promise<Latency> {
  return new Promise((resolve, reject) => {
    let firstByteMs: number | undefined;
    let output = "";
    let errors = "";
    const begin = performance.now();
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.on("data", (chunk: Buffer) => {
      firstByteMs ??= performance.now() - begin;
      output += chunk.toString("utf8");
    });
    child.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString("utf8");
    });
    child.on("error", reject);
    child.on("close", (code) => {
      const exitMs = performance.now() - begin;
      if (code !== 0 || !isExpected(output, expected) || firstByteMs === undefined) {
        reject(
          new Error(
            `${command} ended with ${code ?? "a signal"} and printed ${JSON.stringify(output)} ${errors.trim()}`,
          ),
        );
      } else {
        resolve({ firstByteMs, exitMs, output });
      }
    });
  });
}
