import { styleText } from "node:util";
import type { Daemon } from "./daemon.js";
import type { Lane } from "./pool/lane.js";
import { printable } from "./printable.js";
import { DEFAULT_ADDRESS } from "./protocol/handshake.js";

/** What the self-check runs in each language: the smallest program that shows an output. Of other languages nothing is known. */
const PROBES = { python: 'print("ok")', shell: "echo ok", node: 'console.log("ok")', other: undefined } as const;

/** Waits until the lanes have settled, runs one program in each, and says how to go on. */
export async function printBanner(daemon: Daemon, options: { signal: AbortSignal }): Promise<void> {
  await daemon.settled(options.signal);
  const lines = [""];
  for (const lane of daemon.lanes) {
    const problem = lane.fault?.message ?? (await selfCheck(daemon, lane, lines));
    if (problem !== undefined) lines.push(`  ${paint("red", "✗")} ${lane.name.padEnd(10)} ${printable(problem)}`);
  }
  const { address } = daemon;
  const url = address.startsWith("unix:") ? address : `http://${address}`;
  const flag = address === DEFAULT_ADDRESS ? "" : ` --url ${url}`;
  lines.push(
    "",
    `  Matchbox listens on ${paint("bold", url)}`,
    // No browser can open a unix socket.
    ...(address.startsWith("unix:") ? [] : [`  Dashboard           ${paint("bold", `${url}/`)}`]),
    "",
    "  Try it:",
    `    npx matchbox run${flag} python 'print("hello")'`,
    "",
  );
  process.stderr.write(`${lines.join("\n")}\n`);
}

/** Adds a line with what a first run took. @returns what is wrong, if anything */
async function selfCheck(daemon: Daemon, lane: Lane, lines: string[]): Promise<string | undefined> {
  const stock = `  ${paint("green", "●")} ${lane.name.padEnd(10)} ${String(lane.warmTarget).padStart(3)} warm`;
  const probe = PROBES[lane.config.language];
  if (probe === undefined) {
    lines.push(stock);
    return undefined;
  }
  const began = performance.now();
  const ending = await daemon.check(lane.name, probe);
  if (ending?.type === "error") return ending.message;
  if (ending?.type !== "exit" || ending.reason !== "exited")
    return `the self-check ended as ${ending?.type === "exit" ? ending.reason : "nothing"}`;
  const took = performance.now() - began;
  const firstByte = ending.timings.firstByteMs?.toFixed(2) ?? "-";
  lines.push(`${stock}, first byte after ${firstByte} ms, container gone after ${took.toFixed(0)} ms`);
  return undefined;
}

function paint(format: "red" | "green" | "bold", text: string): string {
  return process.stderr.isTTY ? styleText(format, text) : text;
}
