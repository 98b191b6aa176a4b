import { describe, expect, it } from "vitest";
import type { LaneConfig } from "../../../src/config/schema.js";
import { HEADWAY_MS } from "../../../src/pool/headway.js";
import { runMessage, serverMessage, type ServerMessage } from "../../../src/protocol/messages.js";
import { execute, type RunRecord } from "../../../src/run/execute.js";
import { Run, type RunOptions } from "../../../src/run/run.js";
import type { FakeBehaviour } from "../../support/fake-runtime.js";
import { settle } from "../../support/manual-clock.js";
import { standing } from "../../support/promises.js";
import { LaneRig } from "../pool/rig.js";

interface Started {
  readonly run: Run;
  readonly messages: ServerMessage[];
  readonly records: RunRecord[];
  readonly done: Promise<void>;
}

/** A run on its way, with everything that its client hears. */
function start(
  rig: LaneRig,
  fields: Record<string, unknown> = {},
  before: (run: Run) => void = () => undefined,
  more: Pick<RunOptions, "hasRoom"> = {},
): Started {
  const messages: ServerMessage[] = [];
  const records: RunRecord[] = [];
  const run = new Run({
    request: runMessage.parse({ type: "run", id: "r1", lane: "python", code: "echo hi", ...fields }),
    client: "c1",
    receivedAt: rig.clock.now(),
    send: (message) => messages.push(message),
    sendOutput: ({ stream, id, seq, bytes, encoding, omittedBytes }) => {
      const omitted = omittedBytes === 0 ? {} : { omittedBytes };
      messages.push({ type: stream, id, seq, data: bytes.toString(encoding), ...omitted });
    },
    ...more,
  });
  before(run);
  const { lanes, clock } = rig;
  const done = execute(run, {
    lanes,
    clock,
    unreadMs: 3_000,
    breathe: () => Promise.resolve(),
    onHandout: () => undefined,
    onEnd: (_run, record) => records.push(record),
  });
  return { run, messages, records, done };
}

type Terminal = Extract<ServerMessage, { type: "exit" | "error" }>;

/** What holds for every run that is over, whatever became of it. @returns its terminal message */
function terminalOf({ messages, records }: Started): Terminal {
  const terminals = messages.filter(
    (message): message is Terminal => message.type === "exit" || message.type === "error",
  );
  expect(terminals).toHaveLength(1);
  const [terminal] = terminals;
  expect(messages.map((message) => ("seq" in message ? message.seq : -1))).toEqual(messages.map((_, index) => index));
  for (const message of messages) expect(serverMessage.parse(message)).toMatchObject({ id: "r1" });
  const after = messages.slice(messages.indexOf(terminal!) + 1).map(({ type }) => type);
  expect(["", "destroyed"]).toContain(after.join(" "));
  expect(records).toHaveLength(1);
  return terminal!;
}

function textOf({ messages }: Started, stream: "stdout" | "stderr" = "stdout"): string {
  return messages.map((message) => (message.type === stream ? message.data : "")).join("");
}

async function running(rig: LaneRig, fields: Record<string, unknown>): Promise<Started> {
  const started = start(rig, fields);
  await settle();
  expect(started.messages.map(({ type }) => type)).toContain("started");
  return started;
}

async function rigOf(config: Partial<LaneConfig> = {}, behaviour: Partial<FakeBehaviour> = {}): Promise<LaneRig> {
  return LaneRig.start({ warm: 1, maxSandboxes: 4, killGraceMs: 500, ...config }, behaviour);
}

describe("a run that ends by itself", () => {
  it("is started, streams, exits, and is destroyed, in this order", async () => {
    await using rig = await rigOf();
    const run = start(rig, { code: "echo one\necho two >&2\nexit 3" });
    await run.done;
    expect(run.messages.map(({ type }) => type)).toEqual(["started", "stdout", "stderr", "exit", "destroyed"]);
    expect(terminalOf(run)).toMatchObject({
      reason: "exited",
      exitCode: 3,
      signal: null,
      usage: { cpuMs: 1, maxRssBytes: 1_048_576, oomKills: 0 },
      output: { stdout: { bytes: 4, sent: 4, truncated: false }, stderr: { bytes: 4, sent: 4, truncated: false } },
    });
    expect(run.records[0]).toMatchObject({ lane: "python", outcome: "exited", launch: "warm", error: undefined });
  });

  it("says destroyed only when the container is gone, and has said exit before", async () => {
    await using rig = await rigOf({}, { removal: 250 });
    const run = start(rig, { code: ":" });
    await settle();
    terminalOf(run);
    expect(run.messages.at(-1)?.type).toBe("exit");
    expect(await standing(run.done)).toBe("pending");
    await rig.clock.advance(250);
    await run.done;
    expect(run.messages.at(-1)).toMatchObject({ type: "destroyed", afterMs: 250 });
    terminalOf(run);
  });

  it("measures its own times: the wait, the first byte, the run", async () => {
    await using rig = await rigOf({ warm: 0 }, { launchMs: 100 });
    const run = start(rig, { code: "sleep 2\necho hi\nsleep 1" });
    await rig.clock.advance(4_000);
    await run.done;
    const { timings } = terminalOf(run) as Extract<Terminal, { type: "exit" }>;
    expect(timings).toEqual({ queueMs: 100, handoutMs: 0, firstByteMs: 2_100, runMs: 3_000 });
    expect(run.messages.find(({ type }) => type === "started")).toMatchObject({ launch: "cold", queueMs: 100 });
  });

  it("leaves no timer behind", async () => {
    await using rig = await rigOf();
    const run = start(rig);
    await run.done;
    // The refill's respect for a fresh run is over by then.
    await rig.clock.advance(HEADWAY_MS);
    expect(rig.clock.sleeping).toBe(0);
  });
});

describe("a run's input", () => {
  it("is what the request brings along", async () => {
    await using rig = await rigOf();
    const run = start(rig, { code: "cat", stdin: "from the request" });
    await run.done;
    expect(textOf(run)).toBe("from the request");
    terminalOf(run);
  });

  it("may be empty, and ends at once", async () => {
    await using rig = await rigOf();
    const run = start(rig, { code: "cat\necho end", stdin: "" });
    await run.done;
    expect(textOf(run)).toBe("end\n");
  });

  it("comes piece by piece while it is open", async () => {
    await using rig = await rigOf();
    const run = await running(rig, { code: "cat", stdin: true });
    run.run.writeStdin("one ");
    await settle();
    expect(textOf(run)).toBe("one ");
    run.run.writeStdin("two");
    run.run.endStdin();
    await run.done;
    expect(textOf(run)).toBe("one two");
    expect(terminalOf(run)).toMatchObject({ reason: "exited", exitCode: 0 });
  });

  it("that comes before the sandbox does waits for it", async () => {
    await using rig = await rigOf({ warm: 0 }, { launchMs: 100 });
    const run = start(rig, { code: "cat", stdin: true });
    run.run.writeStdin("early ");
    run.run.writeStdin("bird");
    run.run.endStdin();
    await rig.clock.advance(200);
    await run.done;
    expect(textOf(run)).toBe("early bird");
  });

  it("may be larger than what the runner has room for", async () => {
    await using rig = await rigOf();
    const text = "0123456789".repeat(50_000);
    const run = start(rig, { code: "cat", stdin: text });
    await run.done;
    expect(textOf(run)).toBe(text);
  });

  it("is reported taken about once a megabyte, where it stays open", async () => {
    await using rig = await rigOf();
    const run = await running(rig, { code: "cat", stdin: true });
    for (let count = 0; count < 5; count += 1) {
      run.run.writeStdin("x".repeat(512 * 1024));
      await settle();
      await settle();
    }
    run.run.endStdin();
    await run.done;
    const taken = run.messages.flatMap((message) => (message.type === "stdin_taken" ? [message.bytes] : []));
    expect(taken.length).toBe(2);
    expect(taken[0]).toBeGreaterThanOrEqual(1024 * 1024);
    expect(taken[1]).toBeGreaterThanOrEqual(taken[0]! + 1024 * 1024);
    terminalOf(run);
  });

  it.each<[string, Record<string, unknown>, (run: Run) => void]>([
    ["when it was never open", {}, (run) => run.writeStdin("x")],
    ["when it came whole", { stdin: "all" }, (run) => run.writeStdin("x")],
    ["after its end", { stdin: true }, (run) => [run.endStdin(), run.writeStdin("x")]],
    ["a second end", { stdin: true }, (run) => [run.endStdin(), run.endStdin()]],
  ])("is refused %s, and the run goes on", async (_when, fields, act) => {
    await using rig = await rigOf();
    const run = await running(rig, { code: "sleep 1", ...fields });
    expect(() => act(run.run)).toThrow(expect.objectContaining({ code: "bad_message" }));
    await rig.clock.advance(1_000);
    await run.done;
    expect(terminalOf(run)).toMatchObject({ reason: "exited" });
  });

  it.each([
    ["before the sandbox comes", { warm: 0 }, { launchMs: 10_000 }],
    ["while the program does not read", {}, {}],
  ])("ends the run when too much of it waits %s", async (_when, config, behaviour) => {
    await using rig = await rigOf(config, behaviour);
    const run = start(rig, { code: "sleep 30", stdin: true });
    await settle();
    const megabyte = "x".repeat(1024 * 1024);
    const flood = () => {
      for (let count = 0; count < 10; count += 1) run.run.writeStdin(megabyte);
    };
    expect(flood).toThrow(expect.objectContaining({ code: "too_large" }));
    await settle();
    await run.done;
    expect(terminalOf(run)).toMatchObject({ type: "exit", reason: "cancelled" });
  });
});

describe("a run that is cancelled", () => {
  it("before it began never gets a sandbox", async () => {
    await using rig = await rigOf();
    const run = start(rig, {}, ({ termination }) => termination.request("cancelled"));
    await run.done;
    expect(terminalOf(run)).toMatchObject({ type: "exit", reason: "cancelled", exitCode: null, signal: null });
    expect(run.messages.map(({ type }) => type)).toEqual(["exit"]);
    expect(rig.lane.counts).toMatchObject({ warm: 1, leased: 0 });
  });

  it("while it waits leaves the line at once", async () => {
    await using rig = await rigOf({ warm: 0 }, { launchMs: 1_000 });
    const run = start(rig);
    await rig.clock.advance(300);
    run.run.termination.request("cancelled");
    await run.done;
    expect(terminalOf(run)).toMatchObject({ reason: "cancelled", timings: { queueMs: 300, runMs: 0 } });
    expect(run.messages.map(({ type }) => type)).toEqual(["queued", "exit"]);
    expect(rig.lane.waiting).toBe(0);
  });

  it("at the moment of its hand-out is killed in its sandbox", async () => {
    await using rig = await rigOf();
    const run = start(rig, { code: "sleep 30" });
    for (let turn = 0; turn < 30 && run.messages.length === 0; turn += 1) await Promise.resolve();
    run.run.termination.request("cancelled");
    await run.done;
    expect(terminalOf(run)).toMatchObject({ type: "exit", reason: "cancelled" });
    expect(rig.lane.counts.leased).toBe(0);
  });

  it("while it runs is killed with that cause, and keeps what it wrote", async () => {
    await using rig = await rigOf();
    const run = await running(rig, { code: "echo so far\nsleep 30" });
    const sandbox = rig.engine.find(run.messages.find((message) => message.type === "started")!.sandbox);
    run.run.termination.request("cancelled");
    run.run.termination.request("shutdown");
    await run.done;
    expect(sandbox.kills).toEqual([16]);
    expect(terminalOf(run)).toMatchObject({ reason: "cancelled", exitCode: null, signal: "SIGKILL" });
    expect(textOf(run)).toBe("so far\n");
  });

  it("after it ended keeps its ending", async () => {
    await using rig = await rigOf({}, { removal: 100 });
    const run = start(rig, { code: "exit 4" });
    await settle();
    run.run.termination.request("cancelled");
    await rig.clock.advance(100);
    await run.done;
    expect(terminalOf(run)).toMatchObject({ reason: "exited", exitCode: 4 });
  });
});

describe("a run with a grace", () => {
  const STUBBORN = "trap '' TERM\necho begun\nsleep 300";

  it("that ends in it has its own exit code, at its time-out and at a cancel", async () => {
    await using rig = await rigOf({ graceMs: 5_000 });
    const timed = start(rig, { code: "trap 'exit 3' TERM\nsleep 300", timeoutMs: 1_000 });
    await rig.clock.advance(1_000);
    await timed.done;
    expect(terminalOf(timed)).toMatchObject({
      ...{ reason: "timed_out", exitCode: 3, signal: null, grace: { ended: "by_itself" } },
    });
    const cancelled = await running(rig, { code: "trap 'exit 4' TERM\nsleep 300", graceMs: 1_000 });
    cancelled.run.termination.request("cancelled");
    await cancelled.done;
    expect(terminalOf(cancelled)).toMatchObject({
      ...{ reason: "cancelled", exitCode: 4, signal: null, grace: { ended: "by_itself" } },
    });
  });

  it.each([
    ["at its time-out", undefined, "timed_out"],
    ["at a cancel", "cancelled", "cancelled"],
  ] as const)("that does not end in it is killed then, and not before (%s)", async (_when, request, reason) => {
    await using rig = await rigOf({ graceMs: 5_000, killGraceMs: 500 });
    const run = await running(rig, { code: STUBBORN, timeoutMs: request === undefined ? 1_000 : 20_000 });
    if (request === undefined) await rig.clock.advance(1_000);
    else run.run.termination.request(request);
    await rig.clock.advance(4_900);
    expect(run.messages.map(({ type }) => type)).not.toContain("exit");
    await rig.clock.advance(100);
    await run.done;
    expect(terminalOf(run)).toMatchObject({ reason, exitCode: null, signal: "SIGKILL", grace: { ended: "killed" } });
  });

  it.each(["client_gone", "shutdown", "output_limit"] as const)("is killed at once for %s", async (reason) => {
    await using rig = await rigOf({ graceMs: 5_000 });
    const run = await running(rig, { code: STUBBORN });
    run.run.termination.request(reason);
    await run.done;
    expect(terminalOf(run)).toMatchObject({ reason, signal: "SIGKILL" });
    expect(terminalOf(run)).not.toHaveProperty("grace");
  });

  it.each(["client_gone", "shutdown"] as const)("loses it at %s, and stays cancelled", async (later) => {
    await using rig = await rigOf({ graceMs: 5_000 });
    const run = await running(rig, { code: STUBBORN });
    run.run.termination.request("cancelled");
    run.run.termination.request("cancelled");
    await settle();
    expect(run.messages.map(({ type }) => type)).not.toContain("exit");
    run.run.termination.request(later);
    await run.done;
    expect(terminalOf(run)).toMatchObject({ reason: "cancelled", signal: "SIGKILL", grace: { ended: "killed" } });
  });

  it("that it asks for may be shorter than the lane's, and not longer than the lane allows", async () => {
    await using rig = await rigOf({ graceMs: 5_000, maxGraceMs: 6_000 });
    const none = await running(rig, { code: STUBBORN, graceMs: 0 });
    none.run.termination.request("cancelled");
    await none.done;
    expect(terminalOf(none)).not.toHaveProperty("grace");
    const long = start(rig, { graceMs: 6_001 });
    await long.done;
    expect(terminalOf(long)).toMatchObject({
      code: "bad_message",
      message: "graceMs: is 6001; lane python allows 0 to 6000",
    });
  });
});

describe("a run whose client goes", () => {
  it.each([
    ["while it waits", { warm: 0 }, { launchMs: 1_000 }],
    ["while it runs", {}, {}],
  ])("ends %s, and nothing of it is left", async (_when, config, behaviour) => {
    await using rig = await rigOf(config, behaviour);
    const run = start(rig, { code: "sleep 30" });
    await rig.clock.advance(100);
    run.run.termination.request("client_gone");
    await run.done;
    expect(terminalOf(run)).toMatchObject({ type: "exit", reason: "client_gone" });
    expect(rig.lane.counts).toMatchObject({ leased: 0, evicting: 0 });
    expect(rig.lane.waiting).toBe(0);
  });
});

describe("a run at the daemon's end", () => {
  it("is killed, and says shutdown", async () => {
    await using rig = await rigOf();
    const run = await running(rig, { code: "sleep 30" });
    run.run.termination.request("shutdown");
    await run.done;
    expect(terminalOf(run)).toMatchObject({ type: "exit", reason: "shutdown" });
  });

  it("that only waits is refused, so that its client knows that nothing ran", async () => {
    await using rig = await rigOf({ warm: 0 }, { launchMs: 1_000 });
    const run = start(rig);
    await settle();
    run.run.termination.request("shutdown");
    await run.done;
    expect(terminalOf(run)).toMatchObject({ type: "error", code: "shutting_down", retryable: true });
  });
});

describe("a run out of time", () => {
  it("is ended by its runner", async () => {
    await using rig = await rigOf();
    const run = start(rig, { code: "echo begun\nsleep 30", timeoutMs: 1_000 });
    await rig.clock.advance(1_000);
    await run.done;
    expect(terminalOf(run)).toMatchObject({
      reason: "timed_out",
      exitCode: null,
      signal: "SIGKILL",
      timings: { runMs: 1_000 },
    });
  });

  it("has the lane's time where it asks for none", async () => {
    await using rig = await rigOf({ timeoutMs: 2_000, maxTimeoutMs: 5_000 });
    const run = start(rig, { code: "sleep 30" });
    await rig.clock.advance(1_999);
    expect(run.run.ended).toBe(false);
    await rig.clock.advance(1);
    await run.done;
    expect(terminalOf(run)).toMatchObject({ reason: "timed_out" });
  });

  it("is ended without its runner when that one says nothing within the grace", async () => {
    await using rig = await rigOf();
    const run = await running(rig, { code: "echo begun\nsleep 30", timeoutMs: 1_000 });
    rig.engine.sandboxes[0]!.freeze();
    await rig.clock.advance(1_499);
    expect(run.run.ended).toBe(false);
    await rig.clock.advance(1);
    await run.done;
    expect(terminalOf(run)).toMatchObject({
      reason: "timed_out",
      usage: { cpuMs: null, maxRssBytes: null, oomKills: null },
      output: { stdout: { truncated: true }, stderr: { truncated: true } },
    });
    expect(rig.lane.counts.leased).toBe(0);
  });

  it("is lost, not out of time, when its runner has said nothing at all", async () => {
    await using rig = await rigOf();
    rig.engine.sandboxes[0]!.freeze();
    const run = await running(rig, { code: "echo never", timeoutMs: 1_000 });
    await rig.clock.advance(1_500);
    await run.done;
    expect(terminalOf(run)).toMatchObject({ reason: "lost", exitCode: null, usage: { cpuMs: null } });
  });

  it("is not given up while its client does not read: that time does not count", async () => {
    await using rig = await rigOf();
    const full = { hasRoom: () => false };
    const run = start(rig, { code: "echo begun\nexit 4", timeoutMs: 1_000 }, (fresh) => fresh.pause(), full);
    await rig.clock.advance(3_900);
    expect(run.run.ended).toBe(false);
    run.run.resume();
    await run.done;
    expect(textOf(run)).toBe("begun\n");
    expect(terminalOf(run)).toMatchObject({ reason: "exited", exitCode: 4 });
  });

  it("tells its true ending though its client never reads: what there is no room for is left out, and said to be", async () => {
    await using rig = await rigOf();
    const program = { code: `head -c ${32 * 1024} /dev/zero\nexit 4`, collect: ["left"] };
    const files = [{ path: "left", content: "kept" }];
    const options = { timeoutMs: 1_000, files, ...program };
    const run = start(rig, options, (fresh) => fresh.pause(), { hasRoom: () => false });
    await rig.clock.advance(10_000);
    await run.done;
    expect(textOf(run)).toBe("");
    expect(run.messages).toContainEqual(expect.objectContaining({ type: "file", path: "left", skipped: "unread" }));
    expect(terminalOf(run)).toMatchObject({
      reason: "exited",
      exitCode: 4,
      output: { stdout: { bytes: 32 * 1024, sent: 0, truncated: true } },
    });
  });
});

describe("a run whose runner does not heed a kill", () => {
  it.each(["cancelled", "client_gone", "shutdown"] as const)("is ended as %s after the grace", async (reason) => {
    await using rig = await rigOf();
    const run = await running(rig, { code: "sleep 30" });
    rig.engine.sandboxes[0]!.freeze();
    await rig.clock.advance(2_000);
    run.run.termination.request(reason);
    await rig.clock.advance(499);
    expect(run.run.ended).toBe(false);
    await rig.clock.advance(1);
    await run.done;
    expect(terminalOf(run)).toMatchObject({ type: "exit", reason });
  });
});

describe("a run whose sandbox goes away under it", () => {
  it.each([
    ["lost", false],
    ["out_of_memory", true],
  ] as const)("says %s, and never makes up an exit code", async (reason, oomKilled) => {
    await using rig = await rigOf();
    const run = await running(rig, { code: "echo so far\nsleep 30" });
    rig.engine.sandboxes[0]!.die({ exitCode: 137, oomKilled });
    await run.done;
    expect(terminalOf(run)).toMatchObject({
      reason,
      exitCode: null,
      usage: { cpuMs: null },
      output: { stdout: { bytes: 7, sent: 7, truncated: true } },
    });
    expect(textOf(run)).toBe("so far\n");
  });

  it("gets another one when that happens before its hand-out", async () => {
    await using rig = await rigOf({ warm: 2 });
    for (const sandbox of [...rig.engine.sandboxes]) sandbox.die();
    await settle();
    const run = start(rig, { code: "exit 6" });
    await settle();
    await run.done;
    expect(terminalOf(run)).toMatchObject({ reason: "exited", exitCode: 6 });
  });

  it("says cancelled when it was cancelled before", async () => {
    await using rig = await rigOf();
    const run = await running(rig, { code: "sleep 30" });
    const sandbox = rig.engine.sandboxes[0]!;
    sandbox.freeze();
    run.run.termination.request("cancelled");
    sandbox.die();
    await run.done;
    expect(terminalOf(run)).toMatchObject({ reason: "cancelled" });
  });
});

describe("a run that Matchbox cannot take", () => {
  it.each<[string, Record<string, unknown>, string, RegExp]>([
    ["an unknown lane", { lane: "ruby" }, "unknown_lane", /"ruby"; there are: python/],
    ["a lane named like a property of every object", { lane: "constructor" }, "unknown_lane", /"constructor"/],
    ["too much code", { code: "x".repeat(1024 * 1024 + 1) }, "too_large", /^code: /],
    ["a time-out over the lane's", { timeoutMs: 30_001 }, "bad_message", /^timeoutMs: is 30001/],
    [
      "more output than the lane gives",
      { limits: { outputBytes: 17 * 1024 * 1024 } },
      "bad_message",
      /^limits\.outputBytes/,
    ],
    [
      "two files of one name",
      {
        files: [
          { path: "a", content: "" },
          { path: "a", content: "" },
        ],
      },
      "bad_message",
      /^files\.1\.path/,
    ],
  ])("for %s ends with an error, and no sandbox is touched", async (_what, fields, code, message) => {
    await using rig = await rigOf();
    const run = start(rig, fields);
    await run.done;
    expect(terminalOf(run)).toMatchObject({
      type: "error",
      code,
      message: expect.stringMatching(message),
      retryable: false,
    });
    expect(run.messages).toHaveLength(1);
    expect(rig.lane.counts).toMatchObject({ warm: 1, leased: 0 });
  });

  it("because the line is full hears when to try again", async () => {
    await using rig = await rigOf({ warm: 1, maxSandboxes: 1, maxQueued: 0 });
    const first = start(rig, { code: "sleep 5" });
    await settle();
    const second = start(rig);
    await second.done;
    expect(terminalOf(second)).toMatchObject({
      type: "error",
      code: "queue_full",
      retryable: true,
      retryAfterMs: expect.any(Number),
    });
    await rig.clock.advance(5_000);
    await first.done;
  });

  it("in time says so when its own time in the line is over", async () => {
    await using rig = await rigOf({ warm: 1, maxSandboxes: 1 });
    const first = start(rig, { code: "sleep 5" });
    await settle();
    const second = start(rig, { queueMs: 200 });
    await rig.clock.advance(200);
    await second.done;
    expect(terminalOf(second)).toMatchObject({ type: "error", code: "queue_timeout", retryable: true });
    expect(second.messages.map(({ type }) => type)).toEqual(["queued", "error"]);
    await rig.clock.advance(5_000);
    await first.done;
  });

  it("because the engine is down hears that", async () => {
    await using rig = await rigOf({}, { fault: "engine_down" });
    const run = start(rig);
    await run.done;
    expect(terminalOf(run)).toMatchObject({ type: "error", code: "engine_down", retryable: true });
  });

  it("over a fault of ours hears nothing of the host", async () => {
    await using rig = await rigOf();
    rig.lane.take = () => {
      throw new TypeError("cannot read /etc/secret");
    };
    const run = start(rig);
    await run.done;
    const terminal = terminalOf(run);
    expect(terminal).toMatchObject({ type: "error", code: "internal", retryable: false });
    expect(JSON.stringify(terminal)).not.toContain("secret");
    expect(run.records[0]?.error).toBeInstanceOf(TypeError);
  });
});

describe("a run whose files are refused in the sandbox", () => {
  const files = [
    { path: "a", content: "" },
    { path: "a/b", content: "" },
  ];

  it("ends with an error about the files, and its sandbox is gone", async () => {
    await using rig = await rigOf();
    const run = start(rig, { files });
    await run.done;
    expect(terminalOf(run)).toMatchObject({
      type: "error",
      code: "bad_message",
      message: expect.stringMatching(/^files: .*a\/b/),
    });
    await settle();
    expect(rig.lane.counts).toMatchObject({ leased: 0, evicting: 0 });
  });

  it("ends at once, however long the engine takes to remove it", async () => {
    await using rig = await rigOf({}, { removal: "never" });
    const run = start(rig, { files });
    await settle();
    expect(run.run.ended).toBe(true);
    terminalOf(run);
  });
});

describe("a run that writes much", () => {
  it("is cut at the limit, goes on, and says so", async () => {
    await using rig = await rigOf({ maxOutputBytes: 10 });
    const run = start(rig, { code: "echo 0123456789abcdef\nexit 2" });
    await run.done;
    expect(textOf(run)).toBe("0123456789");
    expect(terminalOf(run)).toMatchObject({
      reason: "exited",
      exitCode: 2,
      output: { stdout: { bytes: 17, sent: 10, truncated: true } },
    });
  });

  it("is ended at the limit where the lane says kill", async () => {
    await using rig = await rigOf({ maxOutputBytes: 10, outputPolicy: "kill" });
    const run = start(rig, { code: "echo 0123456789abcdef\nsleep 30" });
    await run.done;
    expect(textOf(run)).toBe("0123456789");
    expect(terminalOf(run)).toMatchObject({
      reason: "output_limit",
      exitCode: null,
      output: { stdout: { truncated: true } },
    });
  });

  it("keeps its last words where the lane says tail, and says what is missing before them", async () => {
    await using rig = await rigOf({ maxOutputBytes: 10, outputPolicy: "tail", outputTailBytes: 8 });
    const files = [{ path: "out", content: "x" }];
    const run = start(rig, { code: "echo 0123456789abcdef\nexit 2", files, collect: ["out"] });
    await run.done;
    expect(run.messages.filter(({ type }) => type === "stdout")).toMatchObject([
      { data: "01" },
      { data: "9abcdef\n", omittedBytes: 7 },
    ]);
    expect(run.messages.map(({ type }) => type)).toEqual(["started", "stdout", "stdout", "file", "exit", "destroyed"]);
    expect(terminalOf(run)).toMatchObject({
      reason: "exited",
      exitCode: 2,
      output: { stdout: { bytes: 17, sent: 10, truncated: true } },
    });
  });

  it("waits while its client does not read, and loses nothing", async () => {
    await using rig = await rigOf();
    const run = start(rig, { code: `head -c ${4 * 1024 * 1024} /dev/zero`, encoding: "base64" }, (fresh) =>
      fresh.pause(),
    );
    await rig.clock.advance(10_000);
    expect(run.run.ended).toBe(false);
    expect(textOf(run)).toBe("");
    run.run.resume();
    await run.done;
    expect(terminalOf(run)).toMatchObject({
      reason: "exited",
      output: { stdout: { bytes: 4 * 1024 * 1024, sent: 4 * 1024 * 1024, truncated: false } },
    });
  });

  it("in crumbs makes few messages, and waits for no timer at its end", async () => {
    await using rig = await rigOf();
    const run = start(rig, { code: `${"echo x\n".repeat(500)}exit 0` });
    await run.done;
    expect(textOf(run)).toBe("x\n".repeat(500));
    expect(run.messages.filter(({ type }) => type === "stdout").length).toBeLessThan(5);
    await rig.clock.advance(HEADWAY_MS);
    expect(rig.clock.sleeping).toBe(0);
  });

  it("is told whole to a client that reads only after its end", async () => {
    await using rig = await rigOf();
    const run = start(rig, { code: "echo late\nexit 5" }, (fresh) => fresh.pause());
    await rig.clock.advance(1_000);
    expect(run.run.ended).toBe(false);
    run.run.resume();
    await run.done;
    expect(textOf(run)).toBe("late\n");
    expect(terminalOf(run)).toMatchObject({ reason: "exited", exitCode: 5 });
  });

  it("ends in time though its client never reads", async () => {
    await using rig = await rigOf();
    const run = start(rig, { code: `head -c ${4 * 1024 * 1024} /dev/zero`, timeoutMs: 1_000 }, (fresh) =>
      fresh.pause(),
    );
    await rig.clock.advance(1_500);
    await run.done;
    const { output } = terminalOf(run) as Extract<Terminal, { type: "exit" }>;
    expect(terminalOf(run)).toMatchObject({ reason: "timed_out", signal: "SIGKILL" });
    // What it had written is read, and told.
    expect(output.stdout.bytes).toBeGreaterThan(0);
    expect(output.stdout).toMatchObject({ sent: output.stdout.bytes, truncated: false });
  });
});

describe("what a run sends back", () => {
  it("are the files it was asked for: text as text, other bytes as base64", async () => {
    await using rig = await rigOf();
    const bytes = Buffer.from([0xff, 0x00, 0xfe]);
    const files = [
      { path: "text.txt", content: "plain" },
      { path: "raw", content: bytes.toString("base64"), encoding: "base64" },
      { path: "empty", content: "" },
    ];
    const run = start(rig, { code: ":", files, collect: ["text.txt", "raw", "empty", "absent"] });
    await run.done;
    terminalOf(run);
    expect(run.messages.filter(({ type }) => type === "file")).toMatchObject([
      { path: "text.txt", size: 5, content: "plain", encoding: "utf8", mode: 0o644 },
      { path: "raw", size: 3, content: bytes.toString("base64"), encoding: "base64" },
      { path: "empty", size: 0, content: "" },
    ]);
    expect(run.messages.at(-2)?.type).toBe("exit");
  });
});

describe("many runs at once", () => {
  it("each have one ending, and each a sandbox of its own", async () => {
    await using rig = await rigOf({ warm: 2, maxSandboxes: 3 }, { launchMs: 20, removal: 30 });
    const runs = Array.from({ length: 25 }, (_, index) =>
      start(rig, { code: `echo ${index}\nsleep 0.01\nexit ${index}` }),
    );
    await rig.clock.advance(10_000);
    await Promise.all(runs.map(({ done }) => done));
    runs.forEach((run, index) => {
      expect(terminalOf(run)).toMatchObject({ reason: "exited", exitCode: index });
      expect(textOf(run)).toBe(`${index}\n`);
    });
    const sandboxes = runs.flatMap(({ messages }) => messages.filter((message) => message.type === "destroyed"));
    expect(new Set(sandboxes.map(({ sandbox }) => sandbox)).size).toBe(25);
    expect(rig.lane.counts).toMatchObject({ warm: 2, leased: 0, evicting: 0, creating: 0 });
  });
});
