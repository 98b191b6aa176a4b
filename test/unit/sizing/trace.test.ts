import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ConfigError } from "../../../src/errors.js";
import { ArrivalLog } from "../../../src/sizing/arrival-log.js";
import { parseTrace, readTrace, TRACE_HEADER, TraceError } from "../../../src/sizing/trace.js";
import { ManualClock, settle } from "../../support/manual-clock.js";

const T = 1_767_225_600_000;
const HOUR_MS = 3_600_000;
const line = (t: number, ms: number | null = 41) => `${JSON.stringify({ t, lane: "python", ms })}\n`;

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "matchbox-trace-"));
  path = join(folder, "arrivals");
});
afterEach(() => rm(folder, { recursive: true }));

describe("a trace", () => {
  it("is a header, and a line for each arrival", () => {
    expect(parseTrace(TRACE_HEADER + line(T) + line(T + 1, null), "f")).toEqual([
      { t: T, lane: "python", ms: 41 },
      { t: T + 1, lane: "python", ms: null },
    ]);
    expect(parseTrace(TRACE_HEADER, "f")).toEqual([]);
  });

  it("may have been torn at its end", () => {
    expect(parseTrace(`${TRACE_HEADER}${line(T)}{"t":17672`, "f")).toHaveLength(1);
  });

  it.each([
    ["", "f:1: is not a trace"],
    ["GIF89a\n", "f:1: is not a trace"],
    [line(T), "f:1: is not a trace"],
    [TRACE_HEADER.replace("1", "2"), "f:1: has version 2; this Matchbox reads version 1"],
    [`${TRACE_HEADER}${line(T)}nonsense\n`, "f:3: "],
    [`${TRACE_HEADER}{"t":"now","lane":"python","ms":1}\n`, "f:2: t: "],
    [`${TRACE_HEADER}{"t":1,"lane":"python","ms":-1}\n`, "f:2: ms: "],
    [`${TRACE_HEADER}{"t":1,"lane":"python","ms":1,"code":"print(1)"}\n`, "f:2: "],
    [`${TRACE_HEADER}\n${line(T)}`, "f:2: "],
  ])("that is not one names file and line: %j", (text, words) => {
    expect(() => parseTrace(text, "f")).toThrow(TraceError);
    expect(() => parseTrace(text, "f")).toThrow(words);
  });

  it("is read with the segment before it, in the order of arrival, and back to a day", async () => {
    await writeFile(`${path}.1`, TRACE_HEADER + line(T - 25 * HOUR_MS) + line(T - 2 * HOUR_MS));
    await writeFile(path, TRACE_HEADER + line(T) + line(T - HOUR_MS));
    const read = await readTrace(path);
    expect(read.map(({ t }) => t)).toEqual([T - 2 * HOUR_MS, T - HOUR_MS, T]);
    await expect(readTrace(join(folder, "none"))).rejects.toThrow(TraceError);
  });
});

describe("the record of arrivals", () => {
  let clock: ManualClock;
  let epochMs: number;
  beforeEach(() => {
    clock = new ManualClock();
    epochMs = T;
  });
  const recording = (maxBytes = 1_000_000) =>
    ArrivalLog.open({ path, maxBytes, clock, epochMs: () => epochMs, log: pino({ level: "silent" }) });

  it("is a trace, for its owner only", async () => {
    {
      await using log = await recording();
      log.add({ t: T + 0.4, lane: "python", ms: 12.345 });
      log.add({ t: T + 1, lane: "shell", ms: null });
    }
    expect(await readFile(path, "utf8")).toBe(
      `${TRACE_HEADER}{"t":${T},"lane":"python","ms":12}\n{"t":${T + 1},"lane":"shell","ms":null}\n`,
    );
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it("writes once a second, and not for each run", async () => {
    await using log = await recording();
    for (let index = 0; index < 50; index += 1) log.add({ t: T, lane: "python", ms: 1 });
    expect(clock.sleeping).toBe(1);
    await clock.advance(999);
    expect(await readFile(path, "utf8")).toBe(TRACE_HEADER);
    await clock.advance(1);
    await vi.waitFor(async () => expect(await readTrace(path)).toHaveLength(50));
    expect(clock.sleeping).toBe(0);
  });

  it("goes on where an earlier daemon was killed, without the line that it tore", async () => {
    await writeFile(path, `${TRACE_HEADER}${line(T)}{"t":1767`);
    {
      await using log = await recording();
      log.add({ t: T + 1, lane: "python", ms: 41 });
    }
    expect(await readFile(path, "utf8")).toBe(TRACE_HEADER + line(T) + line(T + 1));
  });

  it("begins anew where not even the header was written whole", async () => {
    await writeFile(path, TRACE_HEADER.slice(0, 9));
    await (await recording())[Symbol.asyncDispose]();
    expect(await readFile(path, "utf8")).toBe(TRACE_HEADER);
  });

  it("does not touch a file that is something else", async () => {
    for (const text of ["my letters", "my letters\n"]) {
      await writeFile(path, text);
      await expect(recording()).rejects.toThrow(ConfigError);
      expect(await readFile(path, "utf8")).toBe(text);
    }
    await expect(
      ArrivalLog.open({ path: folder, maxBytes: 1, clock, epochMs: Date.now, log: pino({ level: "silent" }) }),
    ).rejects.toThrow("sizing.traceFile: ");
  });

  it("stays within its bytes, and keeps the latest", async () => {
    const maxBytes = 2_000;
    const log = await recording(maxBytes);
    for (let index = 0; index < 200; index += 1) {
      log.add({ t: T + index, lane: "python", ms: 41 });
      if (index % 10 !== 9) continue;
      await settle();
      await clock.advance(1_000);
      await vi.waitFor(async () => expect((await readTrace(path)).at(-1)?.t).toBe(T + index));
    }
    await log[Symbol.asyncDispose]();
    const sizes = await Promise.all([path, `${path}.1`].map(async (file) => (await stat(file)).size));
    expect(sizes[0]! + sizes[1]!).toBeLessThanOrEqual(maxBytes);
    const kept = await readTrace(path);
    expect(kept.map(({ t }) => t - T)).toEqual(
      Array.from({ length: kept.length }, (_, index) => 200 - kept.length + index),
    );
    expect(kept.length).toBeGreaterThan(15);
  });

  it("begins another segment after a day", async () => {
    await writeFile(path, TRACE_HEADER + line(T - 25 * HOUR_MS));
    {
      await using log = await recording();
      log.add({ t: T, lane: "python", ms: 41 });
    }
    expect(await readFile(path, "utf8")).toBe(TRACE_HEADER + line(T));
    expect(await readFile(`${path}.1`, "utf8")).toBe(TRACE_HEADER + line(T - 25 * HOUR_MS));
  });

  it("loses arrivals and nothing else when the disk fails, and says so once", async () => {
    const said: unknown[] = [];
    const log = pino({ level: "warn" }, { write: (text) => said.push(text) });
    const record = await ArrivalLog.open({ path, maxBytes: 1_000_000, clock, epochMs: () => epochMs, log });
    await rm(folder, { recursive: true });
    for (let round = 0; round < 2; round += 1) {
      record.add({ t: T, lane: "python", ms: 1 });
      await settle();
      await clock.advance(1_000);
    }
    await record[Symbol.asyncDispose]();
    expect(said).toHaveLength(1);
    await record[Symbol.asyncDispose]();
    // For what comes after.
    await mkdir(folder);
  });

  it("takes nothing after its end", async () => {
    const log = await recording();
    await log[Symbol.asyncDispose]();
    log.add({ t: T, lane: "python", ms: 1 });
    await settle();
    expect(await readFile(path, "utf8")).toBe(TRACE_HEADER);
    expect(clock.sleeping).toBe(0);
  });
});
