import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { type FromEcho, webSocketEcho } from "../../../bench/lib/echo/echo.js";
import { floorNotes, latencyResult } from "../../../bench/lib/latencies.js";
import { packageRoot } from "../../../src/package-root.js";
import { around, subject } from "./support.js";

const PROCESS = join(packageRoot(), "dist", "bench", "lib", "echo", "process.js");
const TASK = { code: "print(1)" };
const LANE = { lane: "python", rounds: 1 };

describe.runIf(existsSync(PROCESS))("the WebSocket echo", () => {
  it("gets back what has the form of a run's request, each with an id of its own", async () => {
    await using echo = await webSocketEcho(TASK, LANE);
    const [first, second] = [await echo.measure(), await echo.measure()];
    expect(JSON.parse(first.output)).toEqual({
      type: "run",
      id: expect.stringMatching(/^[0-9a-f]{24}-1$/),
      lane: "python",
      code: "print(1)",
    });
    expect(second.output).toBe(first.output.replace('-1"', '-2"'));
    expect(first.firstByteMs).toBeGreaterThan(0);
    expect(first.exitMs).toBe(first.firstByteMs);
  });

  it("can be given up twice, and answers nobody then", async () => {
    const echo = await webSocketEcho(TASK, LANE);
    await echo[Symbol.asyncDispose]();
    await echo[Symbol.asyncDispose]();
    await expect(echo.measure()).rejects.toThrow("WebSocket echo: its process ended");
  });

  it("ends with its connection", async () => {
    const child = fork(PROCESS, [], { execArgv: [] });
    const exited = once(child, "exit");
    const [{ port }] = (await once(child, "message")) as [FromEcho];
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    await once(socket, "open");
    socket.terminate();
    expect(await exited).toEqual([0, null]);
  });

  it("ends when whoever started it is gone", async () => {
    const child = fork(PROCESS, [], { execArgv: [] });
    await once(child, "message");
    child.disconnect();
    expect(await once(child, "exit")).toEqual([0, null]);
  });
});

describe("a WebSocket echo that fails", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "matchbox-echo-"));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  /** With this program in place of the process that echoes. */
  async function echoOf(program: string) {
    const process = join(folder, "echo.cjs");
    await writeFile(process, program);
    return webSocketEcho(TASK, { ...LANE, process });
  }

  const listening = (onMessage: string) =>
    `const { WebSocketServer } = require(${JSON.stringify(join(packageRoot(), "node_modules", "ws"))});
    process.on("disconnect", () => process.exit());
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0 }, () => process.send({ port: server.address().port }));
    server.on("connection", (socket) => socket.on("message", (data) => { ${onMessage} }));`;

  it("to start says what its process said", async () => {
    await expect(echoOf("throw new Error('no such luck')")).rejects.toThrow(
      /^WebSocket echo: its process ended with 1\n[^]*Error: no such luck/,
    );
    await expect(echoOf("process.send({ port: 1 })")).rejects.toThrow(
      /^WebSocket echo: .*(?:ECONNREFUSED|ended with 0)/,
    );
  });

  it.each([
    ["dies", "process.stderr.write('out of luck'); process.exit(7);", /its process ended with 7\nout of luck$/],
    ["is killed", "process.kill(process.pid, 'SIGKILL');", /its process ended with SIGKILL$/],
    [
      "sends what is no WebSocket message",
      "socket._socket.write('nonsense');",
      /^WebSocket echo: Invalid WebSocket frame/,
    ],
    ["says something else", "socket.send('something');", / came back as "something"$/],
  ])("as its process %s fails the measurement, with the reason", async (_name, onMessage, message) => {
    await using echo = await echoOf(listening(onMessage));
    await expect(echo.measure()).rejects.toThrow(message);
    await expect(echo.measure()).rejects.toThrow("WebSocket echo: ");
  });
});

describe("a floor", () => {
  const ended = [{ firstByteMs: 1, exitMs: 2, output: "" }];

  it("has a first byte and no exit", () => {
    const found = latencyResult({ name: "echo", description: "", isFloor: true }, ended);
    expect(Object.keys(found.metrics)).toEqual(["first byte"]);
    expect(found.isFloor).toBe(true);
    const run = latencyResult({ name: "matchbox", description: "" }, ended, subject("", { import: [3] }).metrics);
    expect(Object.keys(run.metrics)).toEqual(["import", "first byte", "exit"]);
    expect(run).not.toHaveProperty("isFloor");
  });

  it("is told as a part of the first subject's first byte", () => {
    const ours = subject("matchbox", { "first byte": around(2.2), exit: around(3) });
    const floor = { ...subject("echo", { "first byte": around(0.7) }), isFloor: true as const };
    expect(floorNotes([ours, subject("docker run", { "first byte": around(300) }), floor])).toEqual([
      "Of the first byte's 2.20 ms (median), 0.70 are what an echo over the same kind of WebSocket takes, with nothing run.",
    ]);
    expect(floorNotes([ours])).toEqual([]);
    expect(floorNotes([])).toEqual([]);
  });
});
