import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LifeTimes, timeLife } from "../../../bench/lib/containers.js";
import { Engine } from "../../../bench/lib/engine.js";
import { encodeFrame, FromRunner, RUNNER_PROTOCOL_VERSION } from "../../../src/container/runner-frames.js";

const READY = encodeFrame(FromRunner.ready, Buffer.of(RUNNER_PROTOCOL_VERSION));
const STDOUT = 1;
const STDERR = 2;

let folder: string;
let server: Server;
let calls: string[];
/** What the engine answers to a call, 204 where nothing is said. */
let answers: Record<string, number[]>;
/** What comes over the attached stream, and whether it ends then. */
let stream: { bytes: Buffer; ends: boolean };

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "matchbox-engine-"));
  calls = [];
  answers = {};
  stream = { bytes: multiplexed(STDOUT, READY), ends: false };
  server = createServer((request, response) => {
    const call = `${request.method ?? ""} ${request.url ?? ""}`;
    calls.push(call);
    request.resume();
    if (call.startsWith("POST /containers/create")) response.writeHead(201).end('{"Id":"c1"}');
    else response.writeHead(answers[call]?.shift() ?? 204).end();
  });
  server.on("upgrade", (request, socket) => {
    calls.push(`${request.method ?? ""} ${request.url ?? ""}`);
    socket.on("error", () => undefined); // The client destroys it when it is done.
    socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    socket.write(stream.bytes);
    if (stream.ends) socket.end();
  });
  await new Promise<void>((resolve) => server.listen(path.join(folder, "engine.sock"), resolve));
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

const live = (): Promise<LifeTimes> =>
  timeLife(new Engine(path.join(folder, "engine.sock")), { name: "own name", Image: "image" });

describe("the life of a container", () => {
  it("goes through its stages in order, the name where the engine wants it", async () => {
    const times = await live();
    expect(calls).toEqual([
      "POST /containers/create?name=own%20name",
      "POST /containers/c1/attach?stream=1&stdin=1&stdout=1&stderr=1",
      "POST /containers/c1/start",
      "DELETE /containers/c1?force=1&v=1",
    ]);
    expect(Object.keys(times)).toEqual(["createMs", "attachMs", "startMs", "readyMs", "removeMs"]);
    for (const ms of Object.values(times)) expect(ms).toBeGreaterThanOrEqual(0);
  });

  it("is over when a container that is being removed already is gone", async () => {
    answers = { "DELETE /containers/c1?force=1&v=1": [409], "GET /containers/c1/json": [200, 200, 404] };
    await live();
    expect(calls.filter((call) => call === "GET /containers/c1/json")).toHaveLength(3);
  });

  it("fails, with nothing left, when the container ends before it is ready", async () => {
    stream = { bytes: multiplexed(STDERR, Buffer.from("no interpreter")), ends: true };
    await expect(live()).rejects.toThrow("a container ended before it was ready no interpreter");
    expect(calls.at(-1)).toBe("DELETE /containers/c1?force=1&v=1");
  });

  it("is not ready because of something else that the runner says", async () => {
    stream = { bytes: multiplexed(STDOUT, encodeFrame(FromRunner.log, Buffer.from("warning"))), ends: true };
    await expect(live()).rejects.toThrow("ended before it was ready warning");
  });

  it("fails, with nothing left, when the container cannot be started", async () => {
    answers = { "POST /containers/c1/start": [500] };
    await expect(live()).rejects.toThrow("the engine answered 500 to POST /containers/c1/start");
    expect(calls.at(-1)).toBe("DELETE /containers/c1?force=1&v=1");
  });
});

function multiplexed(kind: number, bytes: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(kind, 0);
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}
