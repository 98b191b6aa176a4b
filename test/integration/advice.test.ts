import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pino } from "pino";
import { WebSocket } from "ws";
import { systemClock } from "../../src/clock.js";
import { Daemon } from "../../src/daemon.js";
import { type WatchAdvice, watchMessage } from "../../src/protocol/watch.js";
import { parseTrace } from "../../src/sizing/trace.js";
import { CLI, newInstance, testConfig } from "../support/daemon.js";
import { FAKE_IMAGE, FakeEngine } from "../support/fake-runtime.js";
import { Peer } from "../support/peer.js";
import { waitFor } from "../support/wait.js";

const TOKEN = "a-token-for-the-test-0123456789";
const HEADERS = { authorization: `Bearer ${TOKEN}` };
/** As many as are enough for an advice without a reservation. */
const ENOUGH = 1_000;
/** Arrivals that are kept: 14 bytes each. */
const KEPT = 1_200;

/** A daemon that records in no file. Its sandboxes are the fake's: this is about thousands of runs and not about one. */
let daemon: Daemon;
let url: string;

beforeAll(async () => {
  const engine = new FakeEngine(systemClock);
  daemon = await Daemon.start({
    config: await testConfig(newInstance(), [
      `server.tokens=["${TOKEN}"]`,
      "lanes.python.warm=4",
      "lanes.python.maxSandboxes=16",
      "lanes.python.maxQueued=2000",
      `sizing.traceMaxBytes=${KEPT * 14}`,
    ]),
    imageOf: () => FAKE_IMAGE,
    clock: systemClock,
    log: pino({ level: "silent" }),
    runtime: ({ instance }) => engine.runtime(instance),
  });
  await daemon.settled(AbortSignal.timeout(20_000));
  url = `http://${daemon.address}`;
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
});

async function runs(count: number): Promise<void> {
  await using peer = await Peer.connect(url, { headers: HEADERS });
  for (let begun = 0; begun < count; begun += 100) {
    const ids = Array.from({ length: Math.min(100, count - begun) }, () => peer.start("python", "exit 0"));
    await Promise.all(ids.map((id) => peer.ending(id)));
  }
}

async function advise(...args: string[]): Promise<{ code: number | null; text: string }> {
  const child = spawn(process.execPath, [CLI, "advise", ...args], {
    env: { PATH: process.env["PATH"], MATCHBOX_URL: url, MATCHBOX_TOKEN: TOKEN },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  await once(child, "close");
  return { code: child.exitCode, text };
}

async function trace(): Promise<string> {
  const answer = await fetch(`${url}/v1/trace`, { headers: HEADERS });
  expect(answer.status).toBe(200);
  return answer.text();
}

describe("advice without a file", () => {
  it("is for who has the token", async () => {
    const answer = await fetch(`${url}/v1/trace`);
    expect(answer.status).toBe(401);
    expect(await answer.text()).not.toContain("arrivals");
  });

  it("says that nothing was run yet, and what to do", async () => {
    expect(parseTrace(await trace(), "none")).toEqual([]);
    const { code, text } = await advise();
    expect(code).toBe(125);
    expect(text).toMatch(/has had no run since its start.*ask again after some runs/);
  });

  it("says of few runs that they are few, and when to ask again", async () => {
    await runs(40);
    const { code, text } = await advise();
    expect([code, text]).toEqual([
      0,
      expect.stringMatching(/\/v1\/trace: 40 runs .*\n40 runs are few: .* 1,000 and more/),
    ]);
    expect(text).toContain("refill times measured by the daemon");
  });

  it("is there for the command and for who watches, once runs are enough, and what is kept is bounded", async () => {
    await runs(ENOUGH);
    const { code, text } = await advise("--json");
    expect(code).toBe(0);
    expect(JSON.parse(text)).toMatchObject({ runs: ENOUGH + 40, lanes: [{ lane: "python", runs: ENOUGH + 40 }] });
    expect((await advise()).text).not.toContain("are few");

    const socket = new WebSocket(`${url.replace("http", "ws")}/v1/watch`, { headers: HEADERS });
    let advice: WatchAdvice | undefined;
    socket.on("message", (data: Buffer) => {
      const message = watchMessage.parse(JSON.parse(data.toString()));
      if ("advice" in message) advice = message.advice;
    });
    await waitFor(() => advice?.state === "ready", { timeoutMs: 40_000, what: "the advice" });
    socket.terminate();
    expect(advice).toMatchObject({ lanes: [{ lane: "python", runs: ENOUGH + 40, present: 4 }] });

    await runs(KEPT);
    expect(parseTrace(await trace(), "bounded")).toHaveLength(KEPT);
  }, 120_000);
});
