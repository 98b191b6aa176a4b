import { constants } from "node:os";
import { describe, expect, it } from "vitest";
import type { RunnerExit } from "../../../src/container/runner-frames.js";
import { EXIT_REASONS, type ExitReason } from "../../../src/protocol/exit.js";
import { decide, type Ending } from "../../../src/run/outcome.js";
import { KILL_CAUSES, type KillReason } from "../../../src/run/termination.js";

const { SIGABRT, SIGKILL, SIGSEGV, SIGTERM } = constants.signals;

function reported(exit: Partial<RunnerExit>): Ending {
  const nothing = { cpuMs: 0, maxRssBytes: 0, runMs: 0, stdoutBytes: 0, stderrBytes: 0 };
  return {
    kind: "reported",
    exit: { kind: "exited", value: 0, cause: 0, foreignKill: false, wasAsked: false, oomKills: 0, ...nothing, ...exit },
  };
}

const signaled = (value: number, exit: Partial<RunnerExit> = {}): Ending =>
  reported({ kind: "signaled", value, ...exit });
const lost = (oomKilled = false): Ending => ({ kind: "lost", end: { exitCode: 137, oomKilled } });
const unresponsive: Ending = { kind: "unresponsive", hasBegun: true };
const neverBegun: Ending = { kind: "unresponsive", hasBegun: false };

type Row = [
  what: string,
  ending: Ending,
  requested: KillReason | undefined,
  reason: ExitReason,
  exitCode: number | null,
  signal: string | null,
];

const TABLE: readonly Row[] = [
  ["it exits with 0", reported({ value: 0 }), undefined, "exited", 0, null],
  ["it exits with 255", reported({ value: 255 }), undefined, "exited", 255, null],
  ["it exits with 137, which is nobody's kill", reported({ value: 137 }), undefined, "exited", 137, null],
  [
    "a child of it is killed for memory and it exits",
    reported({ value: 0, oomKills: 1 }),
    undefined,
    "exited",
    0,
    null,
  ],
  ["it crashes", signaled(SIGSEGV), undefined, "signaled", null, "SIGSEGV"],
  ["it ends by SIGTERM", signaled(SIGTERM), undefined, "signaled", null, "SIGTERM"],
  ["it ends by a signal of several names", signaled(SIGABRT), undefined, "signaled", null, "SIGABRT"],
  ["it ends by a signal without a name", signaled(40), undefined, "signaled", null, "SIG40"],
  ["it kills itself", signaled(SIGKILL, { foreignKill: true }), undefined, "signaled", null, "SIGKILL"],
  [
    "it is killed for memory",
    signaled(SIGKILL, { foreignKill: true, oomKills: 1 }),
    undefined,
    "out_of_memory",
    null,
    "SIGKILL",
  ],
  [
    "a child is killed for memory and it crashes",
    signaled(SIGSEGV, { oomKills: 1 }),
    undefined,
    "signaled",
    null,
    "SIGSEGV",
  ],
  [
    "the runner killed it while memory ran out",
    signaled(SIGKILL, { cause: 1, oomKills: 1 }),
    undefined,
    "timed_out",
    null,
    "SIGKILL",
  ],
  ["its time is over", signaled(SIGKILL, { cause: 1 }), undefined, "timed_out", null, "SIGKILL"],
  [
    "its time is over, just before a cancel arrives",
    signaled(SIGKILL, { cause: 1 }),
    "cancelled",
    "timed_out",
    null,
    "SIGKILL",
  ],
  ["it catches the time-out by exiting", reported({ value: 0, cause: 1 }), undefined, "timed_out", null, null],
  ["it is cancelled", signaled(SIGKILL, { cause: KILL_CAUSES.cancelled }), "cancelled", "cancelled", null, "SIGKILL"],
  [
    "its client goes",
    signaled(SIGKILL, { cause: KILL_CAUSES.client_gone }),
    "client_gone",
    "client_gone",
    null,
    "SIGKILL",
  ],
  ["the daemon stops", signaled(SIGKILL, { cause: KILL_CAUSES.shutdown }), "shutdown", "shutdown", null, "SIGKILL"],
  [
    "it writes too much",
    signaled(SIGKILL, { cause: KILL_CAUSES.output_limit }),
    "output_limit",
    "output_limit",
    null,
    "SIGKILL",
  ],
  ["it ends by itself before the cancel arrives", reported({ value: 3 }), "cancelled", "exited", 3, null],
  [
    "the runner names a cause that is none of ours",
    signaled(SIGKILL, { cause: 200 }),
    undefined,
    "signaled",
    null,
    "SIGKILL",
  ],
  ["its sandbox is lost", lost(), undefined, "lost", null, null],
  ["its sandbox is lost to the out-of-memory killer", lost(true), undefined, "out_of_memory", null, "SIGKILL"],
  ["its sandbox is lost after a cancel", lost(), "cancelled", "cancelled", null, null],
  ["its sandbox is lost to memory after its client went", lost(true), "client_gone", "client_gone", null, null],
  ["its runner does not report the time-out", unresponsive, undefined, "timed_out", null, null],
  ["its runner has never said a word", neverBegun, undefined, "lost", null, null],
  ["it is cancelled and its runner has never said a word", neverBegun, "cancelled", "cancelled", null, null],
  ["its runner does not answer the cancel", unresponsive, "cancelled", "cancelled", null, null],
  ["its runner does not answer the stop", unresponsive, "shutdown", "shutdown", null, null],
  ["its runner does not answer after too much output", unresponsive, "output_limit", "output_limit", null, null],
  ["its runner does not answer after its client went", unresponsive, "client_gone", "client_gone", null, null],
];

describe("the outcome of a run", () => {
  it.each(TABLE)("when %s", (_what, ending, requested, reason, exitCode, signal) => {
    expect(decide(ending, requested)).toEqual({ reason, exitCode, signal });
  });

  const asked = { wasAsked: true, cause: 1 };
  it.each<[string, Ending, Partial<ReturnType<typeof decide>>]>([
    [
      "exits in its grace",
      reported({ ...asked, value: 3 }),
      { exitCode: 3, signal: null, grace: { ended: "by_itself" } },
    ],
    ["ends by the question", signaled(SIGTERM, asked), { signal: "SIGTERM", grace: { ended: "by_itself" } }],
    ["is killed after its grace", signaled(SIGKILL, asked), { signal: "SIGKILL", grace: { ended: "killed" } }],
    [
      "kills itself in its grace",
      signaled(SIGKILL, { ...asked, foreignKill: true }),
      { signal: "SIGKILL", grace: { ended: "by_itself" } },
    ],
  ])("of a program that %s has its own ending, and the reason of the question", (_what, ending, verdict) => {
    expect(decide(ending, undefined)).toEqual({ reason: "timed_out", exitCode: null, ...verdict });
  });

  it("has a row above for every reason there is", () => {
    expect(new Set(TABLE.map((row) => row[3]))).toEqual(new Set(EXIT_REASONS));
  });

  it("has an exit code exactly when the program exited by itself", () => {
    for (const [, ending, requested] of TABLE) {
      const verdict = decide(ending, requested);
      expect(verdict.exitCode !== null).toBe(verdict.reason === "exited");
    }
  });
});
