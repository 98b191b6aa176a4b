import { describe, expect, it } from "vitest";
import { describeEnding } from "../../../src/cli/ending.js";
import { exitCodeOf } from "../../../src/cli/exit-code.js";
import { EXIT_REASONS, type ExitMessage, type ExitReason } from "../../../src/protocol/exit.js";
import { type LaneLimits, laneLimits } from "../../../src/protocol/messages.js";
import { exitFields, lane } from "../client/scripted-daemon.js";

function exit(reason: ExitReason, fields: Partial<ExitMessage> = {}): ExitMessage {
  return { type: "exit", id: "a", seq: 1, ...exitFields(), exitCode: null, signal: null, ...fields, reason };
}

const PYTHON: LaneLimits = laneLimits.parse(lane("python"));

describe("the exit code of `matchbox run`", () => {
  it.each<[ExitMessage, number]>([
    [exit("exited", { exitCode: 0 }), 0],
    [exit("exited", { exitCode: 3 }), 3],
    [exit("exited", { exitCode: 255 }), 255],
    [exit("signaled", { signal: "SIGSEGV" }), 139],
    [exit("signaled", { signal: "SIGKILL" }), 137],
    [exit("signaled", { signal: "SIG34" }), 162],
    [exit("signaled", { signal: "SIGNOVEL" }), 125],
    [exit("signaled"), 125],
    [exit("timed_out", { signal: "SIGKILL" }), 124],
    [exit("out_of_memory", { signal: "SIGKILL" }), 137],
    [exit("output_limit", { signal: "SIGKILL" }), 153],
    [exit("cancelled"), 125],
    [exit("client_gone"), 125],
    [exit("shutdown"), 125],
    [exit("lost"), 125],
  ])("of %o is %i", (message, code) => {
    expect(exitCodeOf(message)).toBe(code);
  });

  it("tells which signal cancelled it", () => {
    expect(exitCodeOf(exit("cancelled"), "SIGINT")).toBe(130);
    expect(exitCodeOf(exit("cancelled"), "SIGTERM")).toBe(143);
    expect(exitCodeOf(exit("cancelled"), "SIGHUP")).toBe(129);
  });

  it("tells every reason but the program's own from success", () => {
    for (const reason of EXIT_REASONS) expect(exitCodeOf(exit(reason))).not.toBe(0);
  });
});

describe("what a person is told about an ending", () => {
  it("is nothing for a program that ended by itself, whatever its code", () => {
    expect(describeEnding(exit("exited", { exitCode: 3 }), { lane: PYTHON, timeoutMs: undefined })).toEqual([]);
  });

  it("says why for every other reason", () => {
    for (const reason of EXIT_REASONS.filter((one) => one !== "exited")) {
      expect(describeEnding(exit(reason), { lane: PYTHON, timeoutMs: undefined })).toHaveLength(1);
    }
  });

  it("names the limit that was met: the run's own, or else the lane's", () => {
    expect(describeEnding(exit("timed_out"), { lane: PYTHON, timeoutMs: 500 })).toEqual([
      "timed out after 500 ms; the program was killed",
    ]);
    expect(describeEnding(exit("timed_out"), { lane: PYTHON, timeoutMs: undefined })[0]).toContain("30 s");
    expect(describeEnding(exit("out_of_memory"), { lane: PYTHON, timeoutMs: undefined })[0]).toContain("512 MiB");
  });

  it.each<[Partial<ExitMessage>, string]>([
    [{ exitCode: 3, signal: null, grace: { ended: "by_itself" } }, "the program was asked to end and exited with 3"],
    [{ signal: "SIGTERM", grace: { ended: "by_itself" } }, "the program was asked to end and was ended by SIGTERM"],
    [
      { signal: "SIGKILL", grace: { ended: "killed" } },
      "the program was asked to end, did not in its grace, and was killed",
    ],
  ])("says what came of a grace: %j", (changes, words) => {
    for (const reason of ["timed_out", "cancelled"] as const) {
      expect(describeEnding(exit(reason, changes), { lane: PYTHON, timeoutMs: 500 })[0]).toMatch(`; ${words}`);
    }
  });

  it("says how much of which stream is missing", () => {
    const whole = { bytes: 5, sent: 5, truncated: false };
    const message = exit("exited", {
      exitCode: 0,
      output: { stdout: { bytes: 20, sent: 10, truncated: true }, stderr: whole },
    });
    expect(describeEnding(message, { lane: undefined, timeoutMs: undefined })).toEqual([
      "stdout was cut: 10 of 20 bytes were sent",
    ]);
  });
});
