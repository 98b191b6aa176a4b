import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { type WatchAdvice, type WatchMessage, watchMessage } from "../../src/protocol/watch.js";
import { TRACE_HEADER } from "../../src/sizing/trace.js";
import { startDaemon, type TestDaemon } from "../support/daemon.js";
import { Peer } from "../support/peer.js";
import { waitFor } from "../support/wait.js";

type Of<T extends WatchMessage["type"]> = Extract<WatchMessage, { type: T }>;

/** One who watches, and keeps all that it is told. */
class Watch implements Disposable {
  readonly messages: WatchMessage[] = [];
  readonly socket: WebSocket;
  closeCode: number | undefined;

  constructor(url: string) {
    this.socket = new WebSocket(`${url.replace("http", "ws")}/v1/watch`);
    this.socket.on("message", (data: Buffer) => this.messages.push(watchMessage.parse(JSON.parse(data.toString()))));
    this.socket.on("close", (code) => (this.closeCode = code));
    this.socket.on("error", () => undefined);
  }

  async until<T extends WatchMessage["type"]>(type: T, isIt: (message: Of<T>) => boolean): Promise<Of<T>> {
    const isOf = (message: WatchMessage): message is Of<T> => message.type === type;
    const found = (): Of<T> | undefined => this.messages.filter(isOf).find(isIt);
    await waitFor(() => found() !== undefined, { timeoutMs: 10_000, what: `a message ${type}` });
    return found()!;
  }

  [Symbol.dispose](): void {
    this.socket.terminate();
  }
}

describe("GET /v1/watch", () => {
  let folder: string;
  let daemon: TestDaemon;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "matchbox-watch-"));
    const lines = Array.from({ length: 300 }, (_, index) => {
      return `${JSON.stringify({ t: 1_800_000_000_000 + Math.floor(index / 5) * 60_000, lane: "python", ms: 40 })}\n`;
    });
    await writeFile(join(folder, "arrivals"), TRACE_HEADER + lines.join(""));
    daemon = await startDaemon([`sizing.traceFile=${join(folder, "arrivals")}`]);
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  it("tells what there is, a run while it goes on, and its ending, with the numbers that its client got", async () => {
    using watch = new Watch(daemon.url);
    const snapshot = await watch.until("snapshot", () => true);
    expect(snapshot.report.lanes.map(({ name }) => name)).toEqual(["python", "shell"]);
    expect(snapshot.engine).toMatchObject({ isAnswering: true });
    await using peer = await Peer.connect(daemon.url);
    const { exit, started } = await peer.run("python", "import time; print('up', flush=True); time.sleep(1)");
    await watch.until("lanes", ({ lanes }) => lanes.some(({ name, stock }) => name === "python" && stock.leased === 1));
    const { runs } = await watch.until("runs", () => true);
    expect(runs).toMatchObject([
      {
        ...{ lane: "python", outcome: "exited", exitCode: 0, sandbox: started?.sandbox, launch: started?.launch },
        ...exit?.timings,
        outputBytes: 3,
      },
    ]);
    const figures = await watch.until("figures", ({ latencies }) => "python" in latencies);
    expect(figures.latencies["python"]?.reduce((sum, count) => sum + count)).toBe(1);
    expect(figures.report.lanes[0]).toMatchObject({ name: "python", runs: { total: 1, byReason: { exited: 1 } } });
    await watch.until("arrivals", ({ lanes }) => lanes["python"]?.some(([warm]) => warm === 1) === true);
  });

  it("has what `matchbox advise` says of the daemon's own record", async () => {
    using watch = new Watch(daemon.url);
    const advice = (): WatchAdvice | undefined => watch.messages.findLast((message) => "advice" in message)?.advice;
    await waitFor(() => advice()?.state === "ready", { timeoutMs: 20_000, what: "the advice" });
    expect(advice()).toMatchObject({
      state: "ready",
      lanes: [{ lane: "python", runs: 300, present: 2, recommended: 5, isReached: true }],
    });
  });

  it("is no way to run anything", async () => {
    using watch = new Watch(daemon.url);
    await watch.until("snapshot", () => true);
    watch.socket.send(JSON.stringify({ type: "run", id: "r", lane: "python", code: "print(1)" }));
    watch.socket.send("x".repeat(2_000));
    await waitFor(() => watch.closeCode !== undefined, { timeoutMs: 5_000, what: "the close" });
    expect(watch.closeCode).toBe(1009);
    expect(daemon.daemon.report().lanes[0]?.runs.total).toBe(1);
  });

  it("says good-bye when the daemon stops, which does not wait for who watches", async () => {
    const own = await startDaemon();
    using watch = new Watch(own.url);
    await watch.until("snapshot", () => true);
    watch.socket.pause();
    await own[Symbol.asyncDispose]();
    watch.socket.resume();
    await waitFor(() => watch.closeCode !== undefined, { timeoutMs: 5_000, what: "the close" });
    expect(watch.closeCode).toBe(1001);
  });
});
