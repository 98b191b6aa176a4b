import { styleText } from "node:util";
import type { Language } from "./config/schema.js";
import type { Daemon } from "./daemon.js";
import type { Lane } from "./pool/lane.js";
import { printable } from "./printable.js";
import { DEFAULT_ADDRESS } from "./protocol/handshake.js";

/** What the self-check runs in each language: the smallest program that shows an output. Of other languages nothing is known. */
const PROBES: Readonly<Record<Language, string | undefined>> = {
  python: 'print("ok")',
  shell: "echo ok",
  node: 'console.log("ok")',
  other: undefined,
};
/** What somebody new may try; of other languages they have a program themselves. */
const EXAMPLES: Readonly<Record<Language, string>> = {
  python: `'print("hello")'`,
  shell: "'echo hello'",
  node: `'console.log("hello")'`,
  other: "-f FILE",
};
const MIN_NAME_WIDTH = 10;

/** What came of a lane: a problem, or what is good about it. */
type Finding = { readonly lane: Lane } & ({ readonly problem: string } | { readonly note: string });

/** Runs one program in each lane that is ready, and says what came of it and how to go on. */
export async function renderBanner(daemon: Daemon, { isTerminal }: { isTerminal: boolean }): Promise<string> {
  const paint = (format: "red" | "green" | "bold", text: string): string =>
    isTerminal ? styleText(format, text) : text;
  const findings: Finding[] = [];
  // One after the other, so that each is measured alone.
  for (const lane of daemon.lanes) findings.push(await examine(daemon, lane));
  const nameWidth = Math.max(MIN_NAME_WIDTH, ...findings.map(({ lane }) => lane.name.length));
  const { address } = daemon;
  const url = address.startsWith("unix:") ? address : `http://${address}`;
  return [
    "",
    ...findings.map((finding, index) => {
      const name = finding.lane.name.padEnd(nameWidth);
      if ("note" in finding) return `  ${paint("green", "●")} ${name} ${finding.note}`;
      // What ails many lanes, such as a missing right, is told once.
      const first = findings.slice(0, index).find((other) => "problem" in other && other.problem === finding.problem);
      return `  ${paint("red", "✗")} ${name} ${first === undefined ? printable(finding.problem) : `the same as ${first.lane.name}`}`;
    }),
    "",
    `  Matchbox listens on ${paint("bold", url)}`,
    // No browser can open a unix socket.
    ...(address.startsWith("unix:") ? [] : [`  Dashboard           ${paint("bold", `${url}/`)}`]),
    "",
    ...howToGoOn(findings, address === DEFAULT_ADDRESS ? "" : ` --url ${url}`),
    "",
  ].join("\n");
}

async function examine(daemon: Daemon, lane: Lane): Promise<Finding> {
  if (lane.fault !== undefined) return { lane, problem: lane.fault.message };
  const stock = `${String(lane.warmTarget).padStart(3)} warm`;
  const probe = PROBES[lane.config.language];
  if (probe === undefined) return { lane, note: stock };
  const began = performance.now();
  const ending = await daemon.check(lane.name, probe);
  if (ending?.type === "error") return { lane, problem: ending.message };
  if (ending?.type !== "exit" || ending.reason !== "exited")
    return { lane, problem: `the self-check ended as ${ending?.type === "exit" ? ending.reason : "nothing"}` };
  const took = performance.now() - began;
  const firstByte = ending.timings.firstByteMs?.toFixed(2) ?? "-";
  return { lane, note: `${stock}, first byte after ${firstByte} ms, container gone after ${took.toFixed(0)} ms` };
}

/** A line to try, in a lane that works, and where to look for what does not. */
function howToGoOn(findings: readonly Finding[], flag: string): string[] {
  const ready = findings.filter((finding) => "note" in finding).map(({ lane }) => lane);
  const lane = ready.find(({ config }) => config.language !== "other") ?? ready[0];
  return [
    ...(lane === undefined
      ? []
      : ["  Try it:", `    npx matchbox run${flag} ${lane.name} ${EXAMPLES[lane.config.language]}`]),
    ...(ready.length === findings.length ? [] : ['  What to do about a lane with "✗": npx matchbox doctor']),
    "",
  ];
}
