import { describe, expect, it } from "vitest";
import { ConnectionError, RemoteError } from "../../../../src/client/errors.js";
import { EXIT_REASONS, type ExitMessage } from "../../../../src/protocol/exit.js";
import type { LaneLimits } from "../../../../src/protocol/messages.js";
import { describeExit, describeFailure, describeLane } from "../../../../src/web/playground/ending.js";

const LANE: LaneLimits = {
  name: "python",
  language: "python",
  network: false,
  timeoutMs: 30_000,
  maxTimeoutMs: 60_000,
  maxCodeBytes: 1_000_000,
  maxOutputBytes: 16_777_216,
  memoryBytes: 512 * 1024 ** 2,
  cpus: 0.5,
};

const whole = { bytes: 5, sent: 5, truncated: false };

function exit(changes: Partial<ExitMessage> = {}): ExitMessage {
  return {
    type: "exit",
    id: "a",
    seq: 3,
    reason: "exited",
    exitCode: 0,
    signal: null,
    timings: { queueMs: 0, handoutMs: 0, firstByteMs: null, runMs: 1 },
    usage: { cpuMs: 1, maxRssBytes: 1, oomKills: 0 },
    output: { stdout: whole, stderr: whole },
    ...changes,
  };
}

describe("an ending in words", () => {
  it.each<[Partial<ExitMessage>, string, string]>([
    [{}, "exited 0", "good"],
    [{ exitCode: 3 }, "exited 3", "bad"],
    [{ reason: "signaled", exitCode: null, signal: "SIGSEGV" }, "ended by SIGSEGV", "bad"],
    [{ reason: "timed_out", exitCode: null }, "timed out after 30 s", "bad"],
    [{ reason: "out_of_memory", exitCode: null }, "out of memory", "bad"],
    [{ reason: "cancelled", exitCode: null }, "cancelled", "neutral"],
    [{ reason: "lost", exitCode: null }, "sandbox lost", "bad"],
  ])("for %j is %s", (changes, headline, tone) => {
    expect(describeExit(exit(changes), { lane: LANE, timeoutMs: undefined })).toMatchObject({ headline, tone });
  });

  it("is good for no reason but an exit code of 0", () => {
    for (const reason of EXIT_REASONS.filter((one) => one !== "exited")) {
      const { tone } = describeExit(exit({ reason, exitCode: null }), { lane: undefined, timeoutMs: undefined });
      expect(tone, reason).not.toBe("good");
    }
  });

  it.each<[Partial<ExitMessage>, string]>([
    [{ exitCode: null }, "The program was killed."],
    [{ exitCode: 3, grace: { ended: "by_itself" } }, "The program was asked to end, and exited with 3."],
    [
      { exitCode: null, signal: "SIGTERM", grace: { ended: "by_itself" } },
      "The program was asked to end, and was ended by SIGTERM.",
    ],
    [
      { exitCode: null, signal: "SIGKILL", grace: { ended: "killed" } },
      "The program was asked to end, did not in its grace, and was killed.",
    ],
  ])("says what came of a grace: %j", (changes, words) => {
    for (const reason of ["timed_out", "cancelled"] as const) {
      const { details } = describeExit(exit({ reason, ...changes }), { lane: LANE, timeoutMs: undefined });
      expect(details[0]).toBe(words);
    }
  });

  it("names the time-out that was asked for", () => {
    const headline = (timeoutMs: number): string =>
      describeExit(exit({ reason: "timed_out", exitCode: null }), { lane: LANE, timeoutMs }).headline;
    expect(headline(250)).toBe("timed out after 250 ms");
    expect(headline(45_500)).toBe("timed out after 45.5 s");
  });

  it("says what was cut, and of what", () => {
    const stdout = { bytes: 90_079_232, sent: 16_777_216, truncated: true };
    const { details } = describeExit(exit({ output: { stdout, stderr: whole } }), { lane: LANE, timeoutMs: undefined });
    expect(details).toEqual([
      "stdout was cut: 16,777,216 of 90,079,232 bytes were sent. This lane sends at most 16.8 MB.",
    ]);
  });

  it("says that a process ran out of memory where the program itself went on", () => {
    const usage = { cpuMs: 1, maxRssBytes: 1, oomKills: 2 };
    const context = { lane: LANE, timeoutMs: undefined };
    expect(describeExit(exit({ exitCode: 137, usage }), context).details).toEqual([
      "2 processes of it ran out of memory.",
    ]);
    const { details } = describeExit(exit({ reason: "out_of_memory", exitCode: null, usage }), context);
    expect(details).toEqual(["The program was killed: a sandbox of this lane has 512 MiB, files included."]);
  });
});

describe("a failure in words", () => {
  it("has the code, the daemon's words, and when to try again", () => {
    const error = new RemoteError({
      code: "queue_full",
      message: "64 runs wait.",
      retryable: true,
      retryAfterMs: 1500,
    });
    expect(describeFailure(error, false)).toEqual({
      tone: "bad",
      headline: "queue_full",
      details: ["64 runs wait.", "Try again in 1.50 s."],
    });
  });

  it("does not say to try again where that is of no use", () => {
    const error = new RemoteError({ code: "bad_message", message: "env: no.", retryable: false });
    expect(describeFailure(error, false).details).toEqual(["env: no."]);
  });

  it("makes nothing up about a run whose connection was lost", () => {
    const error = new ConnectionError("connection_lost", "The connection was lost.");
    expect(describeFailure(error, true).details.join(" ")).toContain("how it ended is not known");
    expect(describeFailure(error, false).details.join(" ")).toContain("Whether the program was started is not known");
  });
});

describe("a lane's limits", () => {
  it("stand in one line", () => {
    expect(describeLane(LANE)).toBe("no network · 30 s, at most 1 min · 512 MiB · 0.5 CPU · 16.8 MB of output");
    expect(
      describeLane({ ...LANE, network: true, memoryBytes: 1.5 * 1024 ** 3, timeoutMs: 500, maxTimeoutMs: 500 }),
    ).toBe("network · 500 ms · 1.5 GiB · 0.5 CPU · 16.8 MB of output");
  });
});
