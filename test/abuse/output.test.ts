import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { type LaneReport, lanesReport } from "../../src/protocol/lanes.js";
import { Arena } from "../support/abuse/arena.js";
import { type DaemonProcess, startDaemonProcess } from "../support/daemon.js";
import { containerOf } from "../support/engine-view.js";
import { Peer } from "../support/peer.js";
import { askEngine } from "../support/probes/engine.js";
import { waitFor } from "../support/wait.js";

const MIB = 1024 * 1024;
/** The long forms of what is shown in short else: a whole gigabyte, a thousand repeats. */
const IS_LONG = process.env["MATCHBOX_TEST_LONG"] === "1";

const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, value) => value));

/** A Python expression for these bytes. */
function pythonBytes(bytes: Buffer): string {
  return `bytes.fromhex("${bytes.toString("hex")}")`;
}

describe("output", () => {
  let arena: Arena;
  beforeAll(async () => {
    arena = await Arena.open([
      "lanes.python.warm=4",
      "lanes.tail.language=shell",
      "lanes.tail.warm=0",
      "lanes.tail.outputPolicy=tail",
      "lanes.tail.outputTailBytes=50000",
      "lanes.kill.language=shell",
      "lanes.kill.warm=0",
      "lanes.kill.outputPolicy=kill",
    ]);
  });
  afterAll(() => arena[Symbol.asyncDispose]());

  it("B4.41 a flood on both streams is cut at its limit, the cut is declared, and no log of it is written", () =>
    arena.withstands(async ({ peer }) => {
      const limits = { outputBytes: MIB };
      const id = peer.start("shell", "yes out & yes err >&2 & wait", { timeoutMs: 2_000, limits });
      const { sandbox } = await peer.heard(id, "started");
      const container = await containerOf(sandbox);
      const inspected = (await askEngine(`/containers/${container?.Id ?? "none"}/json`)) as {
        LogPath: string;
        HostConfig: { LogConfig: { Type: string } };
      };
      expect([inspected.LogPath, inspected.HostConfig.LogConfig.Type]).toEqual(["", "none"]);
      const { stdout, stderr, exit } = await peer.ending(id);
      expect(exit).toMatchObject({ reason: "timed_out" });
      const { stdout: out, stderr: err } = exit!.output;
      expect([out.sent, err.sent]).toEqual([stdout.length, stderr.length]);
      expect(out.sent + err.sent).toBe(MIB);
      for (const report of [out, err]) expect(report.truncated).toBe(report.sent < report.bytes);
      expect(out.bytes + err.bytes).toBeGreaterThan(MIB);
    }));

  it("B4.41 a lane's policy beyond the limit: the head, the tail with its gap declared, or the end of the run", () =>
    arena.withstands(async ({ peer }) => {
      const numbers = Array.from({ length: 60_000 }, (_, index) => `${index + 1}\n`).join("");
      const outputBytes = 70_000;
      const count = "seq 1 60000";
      const [tail, short, kill] = await Promise.all([
        peer.run("tail", count, { limits: { outputBytes } }),
        peer.run("tail", `${count}; echo last >&2`, { limits: { outputBytes: 100 } }),
        peer.run("kill", `${count}; sleep 60`, { limits: { outputBytes } }),
      ]);

      expect(tail.exit).toMatchObject({ reason: "exited", exitCode: 0 });
      const pieces = tail.messages.flatMap((message) => (message.type === "stdout" ? [message] : []));
      const gap = pieces.findIndex(({ omittedBytes }) => omittedBytes !== undefined);
      const textOf = (from: number, to?: number) =>
        pieces
          .slice(from, to)
          .map(({ data }) => data)
          .join("");
      expect(textOf(0, gap)).toBe(numbers.slice(0, 20_000));
      expect(textOf(gap)).toBe(numbers.slice(-50_000));
      expect(pieces[gap]?.omittedBytes).toBe(numbers.length - outputBytes);
      expect(tail.exit?.output.stdout).toEqual({ bytes: numbers.length, sent: outputBytes, truncated: true });

      // A limit below the tail's share leaves the tail alone, and a flood on one stream spares the last words on the other.
      expect([short.stdout, short.stderr]).toEqual([numbers.slice(-95), "last\n"]);
      expect(short.exit?.output.stderr).toEqual({ bytes: 5, sent: 5, truncated: false });

      expect(kill.exit).toMatchObject({ reason: "output_limit", exitCode: null, signal: "SIGKILL" });
      expect(kill.stdout).toBe(numbers.slice(0, outputBytes));
      expect(kill.exit?.output.stdout).toMatchObject({ sent: outputBytes, truncated: true });
    }));

  it("B4.43 a line of a megabyte, and streams written byte by byte in turn, keep their order in few messages", () =>
    arena.withstands(async ({ peer }) => {
      const crumbs = 40_000;
      const began = performance.now();
      const [line, byByte] = await Promise.all([
        peer.run("python", "print('x' * 1_000_000, end='')"),
        peer.run(
          "python",
          `import os\nfor i in range(${crumbs}): os.write(1, b"%c" % (97 + i % 26)); os.write(2, b"%c" % (65 + i % 26))`,
        ),
      ]);
      const tookMs = performance.now() - began;
      expect(line.stdout).toBe("x".repeat(1_000_000));
      const alphabet = (first: number) =>
        Buffer.from(Array.from({ length: crumbs }, (_, index) => first + (index % 26))).toString();
      expect(byByte.stdout).toBe(alphabet(97));
      expect(byByte.stderr).toBe(alphabet(65));
      expect(byByte.exit?.output.stdout).toEqual({ bytes: crumbs, sent: crumbs, truncated: false });
      // One message of each stream in 2 ms, however fast the program writes.
      const messages = byByte.messages.filter(({ type }) => type === "stdout" || type === "stderr").length;
      expect(messages).toBeLessThan(tookMs + 100);
      expect(messages).toBeLessThan(crumbs);
    }));

  it("B4.44 B4.45 every byte, split characters and forged frames are data: exact as base64, replaced in text, and counted", () =>
    arena.withstands(async ({ peer }) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(60);
      const frame = Buffer.concat([Buffer.of(0x88), length, Buffer.alloc(60)]);
      const exit = JSON.stringify({ type: "exit", id: "r0", seq: 2, reason: "exited", exitCode: 0 });
      const bytes = Buffer.concat([
        ALL_BYTES,
        Buffer.from("é€😀\0"),
        Buffer.of(0xed, 0xa0, 0x80, 0xf0, 0x9f),
        // The engine's header of 8 bytes, a READY, an EXIT and a FAILED of the runner, a message of the daemon.
        Buffer.of(1, 0, 0, 0, 0, 0, 0, 4),
        Buffer.of(0x81, 0, 0, 0, 1, 1),
        frame,
        Buffer.of(0x89, 0, 0, 0, 1, 4),
        Buffer.from(`\n${exit}\n\x1b]0;title\x07\r`),
      ]);
      const code = [
        "import os",
        `data = ${pythonBytes(bytes)}`,
        "for i in range(len(data)): os.write(1, data[i:i+1])",
        "os.write(2, data)",
        "for fd in range(3, 21):",
        "    try: os.write(fd, data)",
        "    except OSError: pass",
        "    else: os.write(2, b'wrote')",
        "os._exit(9)",
      ].join("\n");
      const [exact, text] = await Promise.all([
        peer.run("python", code, { encoding: "base64" }),
        peer.run("python", code),
      ]);
      const whole = { bytes: bytes.length, sent: bytes.length, truncated: false };
      for (const outcome of [exact, text]) {
        expect(outcome.exit).toMatchObject({ reason: "exited", exitCode: 9, output: { stdout: whole, stderr: whole } });
        expect(outcome.messages.filter(({ type }) => type === "exit" || type === "error")).toHaveLength(1);
      }
      for (const stream of ["stdout", "stderr"] as const) {
        const pieces = exact.messages.flatMap((m) => (m.type === stream ? [Buffer.from(m.data, "base64")] : []));
        expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
        expect(text[stream]).toBe(bytes.toString());
      }
    }));

  it(
    "B4.46 what is written last, 64 KiB and not flushed, comes before the exit message, every time",
    () =>
      arena.withstands(async ({ peer }) => {
        const repeats = IS_LONG ? 1_000 : 10;
        const text = `${"x".repeat(65_535)}end`;
        const programs = [
          ["python", "import sys\nsys.stdout.write('x' * 65_535)\nsys.stdout.write('end')"],
          [
            "python",
            "import os, threading\nthreading.Thread(target=lambda: os.write(1, b'x' * 65_535 + b'end')).start()",
          ],
          ["shell", "head -c 65535 /dev/zero | tr '\\0' x; printf end"],
        ] as const;
        let next = 0;
        const worker = async (): Promise<void> => {
          while (next < repeats) {
            const [lane, code] = programs[next++ % programs.length]!;
            const { stdout, exit, messages } = await peer.run(lane, code);
            expect(exit).toMatchObject({ reason: "exited", exitCode: 0 });
            expect(stdout).toBe(text);
            const last = messages.findLastIndex(({ type }) => type === "stdout");
            expect(last).toBeLessThan(messages.findIndex(({ type }) => type === "exit"));
          }
        };
        await Promise.all([worker(), worker(), worker()]);
      }),
    900_000,
  );
});

/** A figure of the daemon's process, in bytes. */
async function residentBytes(daemon: DaemonProcess): Promise<number> {
  const status = await readFile(`/proc/${daemon.pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** Watches the daemon's memory while something happens. @returns by how many bytes it grew at most */
async function growthDuring(daemon: DaemonProcess, act: () => Promise<void>): Promise<number> {
  const before = await residentBytes(daemon);
  let most = before;
  const over = new AbortController();
  const watch = (async () => {
    while (!over.signal.aborted) {
      most = Math.max(most, await residentBytes(daemon));
      await sleep(20);
    }
  })();
  try {
    await act();
  } finally {
    over.abort();
    await watch;
  }
  return most - before;
}

async function laneOf(daemon: DaemonProcess, lane: string): Promise<LaneReport> {
  const report = lanesReport.parse(await (await fetch(`${daemon.url}/v1/lanes`)).json());
  return report.lanes.find(({ name }) => name === lane)!;
}

/** What the main process of a sandbox has written so far, whatever became of it; seen from the host. */
async function bytesWrittenIn(sandbox: string): Promise<number> {
  const container = (await askEngine(`/containers/matchbox-${sandbox}/json`)) as {
    State: { Pid: number };
  };
  const { Pid: runner } = container.State;
  const [main] = (await readFile(`/proc/${runner}/task/${runner}/children`, "utf8")).split(" ");
  return Number(/^wchar: (\d+)$/m.exec(await readFile(`/proc/${main!}/io`, "utf8"))?.[1]);
}

describe("a daemon's memory and its slow clients", () => {
  const SLOW_CLIENT_MS = 5_000;
  let daemon: DaemonProcess;
  beforeAll(async () => {
    daemon = await startDaemonProcess([
      "lanes.shell.maxOutputBytes=1073741824",
      "lanes.shell.maxTimeoutMs=600000",
      "lanes.shell.warm=2",
      "lanes.python.maxOutputBytes=1073741824",
      // A runner that cannot be heard, because nobody reads, is given up before its client is.
      "lanes.shell.killGraceMs=500",
      `server.slowClientMs=${SLOW_CLIENT_MS}`,
    ]);
    await using peer = await Peer.connect(daemon.url);
    // What is made on first use is there.
    await peer.run("shell", "head -c 30000000 /dev/zero", { encoding: "base64" });
    await peer.run("python", "print(1)");
  });
  afterAll(() => daemon[Symbol.asyncDispose]());

  it("B4.41 a gigabyte that streams through adds less than 32 MiB to the daemon", async () => {
    const total = IS_LONG ? 1024 * MIB : 128 * MIB;
    const socket = new WebSocket(`${daemon.url.replace("http", "ws")}/v1/ws`);
    let received = 0;
    let exit: Record<string, unknown> | undefined;
    socket.on("message", (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Record<string, unknown>;
      if (message["type"] === "hello") {
        const code = `yes ${"0123456789abcdef".repeat(63)} | head -c ${total}`;
        socket.send(JSON.stringify({ type: "run", id: "big", lane: "shell", code, timeoutMs: 500_000 }));
      } else if (message["type"] === "stdout") received += (message["data"] as string).length;
      else if (message["type"] === "exit" || message["type"] === "error") exit = message;
    });
    const grown = await growthDuring(daemon, () =>
      waitFor(() => exit !== undefined, { timeoutMs: 550_000, what: "the end of the stream" }),
    );
    socket.terminate();
    expect(exit).toMatchObject({
      reason: "exited",
      output: { stdout: { bytes: total, sent: total, truncated: false } },
    });
    expect(received).toBe(total);
    expect(grown).toBeLessThan(32 * MIB);
  }, 600_000);

  it("B4.42 a client that stops reading holds its program back, and nothing is lost when it reads on", async () => {
    const total = 60 * MIB;
    const code = [
      "import os, sys, time",
      "longest, left, piece = 0, 60 << 20, b'x' * 65536",
      "while left > 0:",
      "    began = time.monotonic()",
      "    left -= os.write(1, piece[:left])",
      "    longest = max(longest, time.monotonic() - began)",
      "print(longest, file=sys.stderr)",
    ].join("\n");
    await using peer = await Peer.connect(daemon.url);
    const id = peer.start("python", code);
    const { sandbox } = await peer.heard(id, "started");
    await peer.heard(id, "stdout");
    peer.socket.pause();
    const grown = await growthDuring(daemon, async () => {
      let written = -1;
      const isBlocked = async () => {
        const last = written;
        written = await bytesWrittenIn(sandbox);
        if (written !== last) await sleep(200);
        return written === last;
      };
      await waitFor(isBlocked, { timeoutMs: 30_000, what: "the program to write no more" });
      expect(written).toBeLessThan(total);
      // Another connection is none the worse.
      await using other = await Peer.connect(daemon.url);
      expect((await other.run("python", "print(6 * 7)")).stdout).toBe("42\n");
    });
    peer.socket.resume();
    const { stdout, stderr, exit } = await peer.ending(id);
    expect(exit).toMatchObject({ reason: "exited", output: { stdout: { bytes: total, sent: total } } });
    expect(stdout.length).toBe(total);
    expect(Number(stderr), "seconds for which a write of the program blocked").toBeGreaterThan(0.2);
    expect(grown).toBeLessThan(32 * MIB);
  });

  it("B4.42 a client that reads no more: time-outs hold, its runs end as client_gone, and the reason is there to be read", async () => {
    await using peer = await Peer.connect(daemon.url);
    const isFull = async () => (await laneOf(daemon, "shell")).stock.warm === 2;
    await waitFor(isFull, { timeoutMs: 30_000, what: "the stock to be full" });
    const before = (await laneOf(daemon, "shell")).runs.byReason;
    const ended = async (reason: string) =>
      ((await laneOf(daemon, "shell")).runs.byReason[reason] ?? 0) - (before[reason] ?? 0);
    const flood = peer.start("shell", "exec yes");
    await peer.heard(flood, "stdout");
    peer.socket.pause();
    const short = peer.start("shell", "exec yes", { timeoutMs: 700 });
    await waitFor(async () => (await ended("timed_out")) === 1, { timeoutMs: 20_000, what: "the time-out" });
    await waitFor(async () => (await ended("client_gone")) === 1, { timeoutMs: 20_000, what: "client_gone" });
    peer.socket.resume();
    await peer.until(() => peer.closeCode !== undefined, "the connection to be closed");
    expect(peer.closeCode).toBe(4008);
    expect(peer.outcome(short).exit?.reason).toBe("timed_out");
    // What it had written was read on, and waited for the client with the rest.
    const { exit, stdout } = peer.outcome(flood);
    expect(exit).toMatchObject({ reason: "client_gone", signal: "SIGKILL" });
    expect(exit?.output.stdout).toMatchObject({ bytes: stdout.length, sent: stdout.length, truncated: false });
  });

  it("B4.47 a flood of input that nobody reads is bounded, and a cancel gets through it", async () => {
    await using peer = await Peer.connect(daemon.url);
    const piece = "x".repeat(MIB);
    const cancelled = peer.start("shell", "echo up; exec sleep 60", { stdin: true });
    await peer.heard(cancelled, "stdout");
    for (let count = 0; count < 7; count += 1) peer.send({ type: "stdin", id: cancelled, data: piece });
    peer.send({ type: "cancel", id: cancelled });
    expect((await peer.ending(cancelled)).exit).toMatchObject({ reason: "cancelled" });
    expect(peer.outcome(cancelled).error).toBeUndefined();

    const crumbs = peer.start("shell", "read -r line; echo $line; exec sleep 600", { stdin: true, timeoutMs: 600_000 });
    const flooded = peer.start("python", "print('up'); import time; time.sleep(60)", { stdin: true });
    await peer.heard(flooded, "stdout");
    const grown = await growthDuring(daemon, async () => {
      peer.send({ type: "stdin", id: crumbs, data: "through\n" });
      for (let count = 0; count < 50_000; count += 1) peer.send({ type: "stdin", id: crumbs, data: "y" });
      for (let count = 0; count < (IS_LONG ? 1_024 : 256); count += 1) {
        peer.send({ type: "stdin", id: flooded, data: piece });
        await peer.until(() => peer.socket.bufferedAmount < 4 * MIB, "the flood to be taken");
      }
      expect((await peer.ending(flooded)).exit).toMatchObject({ reason: "cancelled" });
      expect((await peer.heard(crumbs, "stdout")).data).toBe("through\n");
      peer.send({ type: "cancel", id: crumbs });
      expect((await peer.ending(crumbs)).exit).toMatchObject({ reason: "cancelled" });
    });
    const error = peer.outcome(flooded).messages.find((message) => message.type === "error");
    expect(error).toMatchObject({ code: "too_large", message: expect.stringMatching(/8388608 is the most/) as string });
    // What waits is 8 MiB; the rest is what the collector has not come round to. All of it would be twice as much.
    expect(grown).toBeLessThan(128 * MIB);
  }, 200_000);
});
