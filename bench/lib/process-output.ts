import { spawn } from "node:child_process";

/** Where a program's stdout goes: to a function as it comes, or straight into an open file. */
export type Sink = ((piece: Buffer) => void) | number;

/**
 * Runs a program to its end.
 * @returns how long that took, in ms from just before it was spawned
 * @throws Error with what it wrote to stderr when it fails
 */
export function runProgram(command: string, args: readonly string[], sink: Sink): Promise<number> {
  return new Promise((resolve, reject) => {
    let errors = "";
    const begin = performance.now();
    const child = spawn(command, args, { stdio: ["ignore", typeof sink === "number" ? sink : "pipe", "pipe"] });
    if (typeof sink !== "number") child.stdout?.on("data", sink);
    child.stderr?.on("data", (piece: Buffer) => {
      errors += piece.toString("utf8");
    });
    child.on("error", reject);
    child.on("close", (code) => {
      const ms = performance.now() - begin;
      if (code === 0) resolve(ms);
      else reject(new Error(`${command} ended with ${code ?? "a signal"}: ${errors.trim()}`));
    });
  });
}
