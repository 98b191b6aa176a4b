import { execFileSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pino } from "pino";
import { systemClock } from "../../src/clock.js";
import { ArrivalLog } from "../../src/sizing/arrival-log.js";
import { parseTrace } from "../../src/sizing/trace.js";
import { startMuteDaemon } from "../support/mute-daemon.js";
import { containersOf } from "../support/engine-view.js";
import { Peer } from "../support/peer.js";
import { waitFor } from "../support/wait.js";

const isRoot = process.getuid?.() === 0;

/** Runs until the log of them is larger than what a pipe, or a small disk, holds. */
async function flood(url: string, runs: number): Promise<void> {
  await using peer = await Peer.connect(url);
  // Refused ones: each has its line, and costs no sandbox. The id is the client's own, and is in the line.
  for (let index = 0; index < runs; index++) peer.start("no-such-lane", "", { id: `${index}`.padEnd(60, "x") });
  await peer.until(() => peer.messages.length === 1 + runs, `${runs} refusals`);
}

async function runsAsEver(url: string): Promise<void> {
  await using peer = await Peer.connect(url);
  const { stdout, exit } = await peer.run("python", "print('as ever')");
  expect([stdout, exit?.reason]).toEqual(["as ever\n", "exited"]);
}

describe("a daemon whose log or banner cannot be written", () => {
  it.each<[string, string]>([
    ["stdout is a full device", 'exec "$@" >/dev/full 2>/dev/null'],
    ["stderr is a full device", 'exec "$@" >/dev/null 2>/dev/full'],
    ["both are", 'exec "$@" >/dev/full 2>&1'],
    ["both are closed", 'exec "$@" >&- 2>&-'],
    ["stdin is closed as well", 'exec "$@" <&- >&- 2>&-'],
    ["stdout is open for reading only", 'exec "$@" 1</dev/null 2>/dev/null'],
    ["the reader of both has gone", 'exec "$@" 2>&1 >"$FIFO"'],
  ])("serves, and ends in order with 0: %s", async (_what, shell) => {
    const folder = await mkdtemp(join(tmpdir(), "matchbox-log-"));
    try {
      // A reader that comes, so that it opens, and goes.
      const fifo = join(folder, "fifo");
      execFileSync("mkfifo", [fifo]);
      const line = shell.includes("$FIFO")
        ? `: <'${fifo}' & exec 3>'${fifo}'; wait $!; exec "$@" >&3 2>&3 3>&-`
        : shell;
      await using daemon = await startMuteDaemon([], { stdio: ["ignore", "ignore", "ignore"], shell: line });
      await flood(daemon.url, 300);
      await runsAsEver(daemon.url);
      expect(await daemon.stop()).toEqual({ code: 0, signal: null });
      expect(await containersOf(daemon.instance)).toEqual([]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it.each<[string, string | undefined]>([
    ["two sockets", undefined],
    ["one pipe", 'exec "$@" 2>&1 | sleep 1000'],
  ])("serves, holds little, counts what it drops, and ends in order where nobody reads: %s", async (_what, pipe) => {
    const folder = await mkdtemp(join(tmpdir(), "matchbox-log-"));
    try {
      const fifo = join(folder, "fifo");
      execFileSync("mkfifo", [fifo]);
      // Open for both, so that neither end waits for the other.
      const held = openSync(fifo, "r+");
      await using daemon = await startMuteDaemon([], {
        stdio: pipe === undefined ? ["ignore", "pipe", "pipe"] : ["ignore", held, held],
      });
      closeSync(held);
      const reader = openSync(fifo, "r+");
      await flood(daemon.url, 10_000);
      // What is not dropped is in the pipe, or waits: 1 MiB, which is less than 5,000 lines.
      expect(await daemon.metric("matchbox_log_lines_dropped_total")).toBeGreaterThan(5_000);
      await runsAsEver(daemon.url);
      expect(await daemon.stop()).toEqual({ code: 0, signal: null });
      closeSync(reader);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("says how many lines are missing once its reader goes on, and the last lines arrive", async () => {
    await using daemon = await startMuteDaemon([], { stdio: ["ignore", "pipe", "ignore"] });
    await flood(daemon.url, 10_000);
    let text = "";
    daemon.child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    await waitFor(() => text.includes("could not be written"), { timeoutMs: 15_000, what: "the word about the gap" });
    await runsAsEver(daemon.url);
    expect(await daemon.stop()).toEqual({ code: 0, signal: null });
    await waitFor(() => text.endsWith('"msg":"stopped"}\n'), { timeoutMs: 5_000, what: "the last line" });
    const lines = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { msg: string; dropped?: number; outcome?: string });
    const dropped = lines.find(({ msg }) => msg.includes("could not be written"))?.dropped ?? 0;
    expect(dropped).toBeGreaterThan(0);
    // Every line is there, whole and once, or counted.
    expect(lines.filter(({ outcome }) => outcome === "unknown_lane").length + dropped).toBe(10_000);
    expect(lines.some(({ msg, outcome }) => msg === "run" && outcome === "exited")).toBe(true);
  });

  it.skipIf(!isRoot)("goes on writing where a full disk gets room again, and half a line is made whole", async () => {
    const folder = await mkdtemp(join(tmpdir(), "matchbox-log-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "none", folder]);
    try {
      const [log, ballast, trace] = [join(folder, "log"), join(folder, "ballast"), join(folder, "arrivals")];
      const file = openSync(log, "a");
      await using daemon = await startMuteDaemon([`sizing.traceFile=${trace}`], { stdio: ["ignore", file, file] });
      closeSync(file);
      await writeFile(ballast, Buffer.alloc(64 * 1024));
      await flood(daemon.url, 6_000);
      expect((await statfs(folder)).bfree).toBe(0);
      await runsAsEver(daemon.url);
      await rm(ballast);
      await waitFor(
        async () => (await readFile(log, "utf8")).includes("as ever") || (await statfs(folder)).bfree === 0,
        {
          timeoutMs: 15_000,
          what: "the log to go on",
        },
      );
      const text = await readFile(log, "utf8");
      const lines = text.slice(text.indexOf("{"), text.lastIndexOf("\n")).split("\n");
      for (const line of lines.filter((each) => each.startsWith("{")))
        expect(() => void JSON.parse(line)).not.toThrow();
      expect(await daemon.stop()).toEqual({ code: 0, signal: null });
    } finally {
      execFileSync("umount", [folder]);
      await rm(folder, { recursive: true, force: true });
    }
  });

  it.skipIf(!isRoot)("a full disk leaves no half line in the record of arrivals", async () => {
    const folder = await mkdtemp(join(tmpdir(), "matchbox-trace-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "none", folder]);
    try {
      const path = join(folder, "arrivals");
      const warnings: string[] = [];
      const log = pino({ level: "warn" }, { write: (line) => void warnings.push(line) });
      const arrivals = await ArrivalLog.open({
        ...{ path, maxBytes: 1024 * 1024, clock: systemClock, epochMs: Date.now, log },
      });
      for (let index = 0; index < 4_000; index++) arrivals.add({ t: index, lane: "python", ms: index });
      await waitFor(() => warnings.length > 0, { timeoutMs: 10_000, what: "the disk to be full" });
      arrivals.add({ t: 5_000, lane: "python", ms: 5 });
      await arrivals[Symbol.asyncDispose]();
      expect(parseTrace(await readFile(path, "utf8"), path)).toEqual([{ t: 5_000, lane: "python", ms: 5 }]);
    } finally {
      execFileSync("umount", [folder]);
      await rm(folder, { recursive: true, force: true });
    }
  });
});
