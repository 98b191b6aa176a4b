import { describe, expect, it } from "vitest";
import { decodeClientMessage, decodeServerMessage, makeError } from "../../../src/protocol/codec.js";
import { ERROR_CODES, ERROR_FACTS } from "../../../src/protocol/error-codes.js";
import { MAX_ARGS, MAX_COLLECT_PATTERNS, MAX_ENV, MAX_FILES } from "../../../src/protocol/limits.js";
import type { ClientMessage, ErrorMessage, ServerMessage } from "../../../src/protocol/messages.js";

const RUN = { type: "run", id: "r1", lane: "python", code: "print(1)" };

function decode(value: unknown): ReturnType<typeof decodeClientMessage> {
  return decodeClientMessage(typeof value === "string" ? value : JSON.stringify(value));
}

function accepted(value: unknown): ClientMessage {
  const decoded = decode(value);
  if (!decoded.ok) throw new Error(decoded.error.message);
  return decoded.message;
}

function refused(value: unknown): { error: ErrorMessage; isRun: boolean } {
  const decoded = decode(value);
  if (decoded.ok) throw new Error("it was accepted");
  expect(decoded.error).toMatchObject({ type: "error", code: "bad_message", retryable: false });
  return decoded;
}

describe("a client's message", () => {
  it.each<[string, Record<string, unknown>]>([
    ["a run with nothing but the necessary", RUN],
    [
      "a run with everything",
      {
        ...RUN,
        stdin: "input",
        args: ["-v", ""],
        env: { LANG: "C" },
        files: [{ path: "data/in.csv", content: "YQ==", encoding: "base64", mode: 0o755 }],
        collect: ["**/*.png"],
        timeoutMs: 1_000,
        graceMs: 0,
        limits: { outputBytes: 0 },
        queueMs: 0,
        encoding: "base64",
      },
    ],
    ["a run with its input open", { ...RUN, stdin: true }],
    ["input", { type: "stdin", id: "r1", data: "" }],
    ["the input's end", { type: "stdin_end", id: "r1" }],
    ["a cancel", { type: "cancel", id: "r1" }],
  ])("is taken: %s", (_what, message) => {
    expect(accepted(message)).toMatchObject(message);
  });

  it("gets the defaults of what it leaves out", () => {
    expect(accepted(RUN)).toEqual({ ...RUN, args: [], env: {}, files: [], collect: [], limits: {}, encoding: "utf8" });
    expect(accepted({ ...RUN, files: [{ path: "a", content: "" }] })).toMatchObject({
      files: [{ path: "a", content: "", encoding: "utf8", mode: 0o644 }],
    });
  });

  it.each<[string, unknown, RegExp]>([
    ["an unknown type", { type: "launch", id: "r1" }, /^type: .*'run'.*'cancel'.*got "launch"/],
    ["no type", { id: "r1" }, /^type: .*got nothing/],
    ["a type named like a property of every object", { type: "constructor" }, /^type: .*got "constructor"/],
    ["a list", [], /^message: .*expected object.*got a list/],
    ["null", null, /^message: .*expected object.*got null/],
    ["a text", '"run"', /^message: .*expected object.*got "run"/],
    ["an unknown field", { ...RUN, timeout: 5 }, /^message: .*"timeout"/],
    ["several unknown fields", { ...RUN, a: 1, b: 2 }, /"a".*"b"/],
    ["an unknown field further in", { ...RUN, limits: { cpus: 4 } }, /^limits: .*"cpus"/],
    ["an unknown field of a file", { ...RUN, files: [{ path: "a", content: "", owner: 0 }] }, /^files\.0: .*"owner"/],
    ["no code", { ...RUN, code: undefined }, /^code: .*string.*got nothing/],
    ["code of another type", { ...RUN, code: 5 }, /^code: .*string.*got 5/],
    ["code with half a character", { ...RUN, code: "\ud800" }, /^code: .*surrogate/],
    ["an argument with half a character", { ...RUN, args: ["\ud800"] }, /^args\.0: .*surrogate/],
    ["a variable with half a character", { ...RUN, env: { A: "\udfff" } }, /^env\.A: .*surrogate/],
    [
      "a file with half a character",
      { ...RUN, files: [{ path: "a", content: "\ud800" }] },
      /^files\.0\.content: .*surr/,
    ],
    ["a pattern with half a character", { ...RUN, collect: ["\ud800*"] }, /^collect\.0: .*surrogate/],
    ["an empty id", { ...RUN, id: "" }, /^id: .*>=1.*got ""/],
    ["an id too long", { ...RUN, id: "x".repeat(129) }, /^id: .*<=128/],
    ["an id of another type", { ...RUN, id: 7 }, /^id: .*string.*got 7/],
    ["an empty lane", { ...RUN, lane: "" }, /^lane: .*got ""/],
    ["a negative time-out", { ...RUN, timeoutMs: -1 }, /^timeoutMs: .*>=1.*got -1/],
    ["a time-out of nothing", { ...RUN, timeoutMs: 0 }, /^timeoutMs: .*>=1.*got 0/],
    ["a time-out of more than a day", { ...RUN, timeoutMs: 86_400_001 }, /^timeoutMs: .*<=86400000.*got 86400001/],
    ["a time-out in fractions", { ...RUN, timeoutMs: 1.5 }, /^timeoutMs: .*got 1\.5/],
    ["a negative grace", { ...RUN, graceMs: -1 }, /^graceMs: .*>=0.*got -1/],
    ["a grace of more than a minute", { ...RUN, graceMs: 60_001 }, /^graceMs: .*<=60000.*got 60001/],
    ["a time-out as text", { ...RUN, timeoutMs: "30s" }, /^timeoutMs: .*number.*got "30s"/],
    [
      "a time-out beyond all numbers",
      JSON.stringify(RUN).replace("}", ',"timeoutMs":1e400}'),
      /^timeoutMs: .*Infinity/,
    ],
    ["a number in the arguments", { ...RUN, args: ["a", 5] }, /^args\.1: .*string.*got 5/],
    ["a NUL in the arguments", { ...RUN, args: ["a\0b"] }, /^args\.0: .*NUL/],
    ["too many arguments", { ...RUN, args: Array(MAX_ARGS + 1).fill("") }, /^args: .*<=256/],
    ["a NUL in a variable", { ...RUN, env: { A: "\0" } }, /^env\.A: .*NUL/],
    ["a reserved variable", { ...RUN, env: { LD_PRELOAD: "/x.so" } }, /^env\.LD_PRELOAD: .*may.*set/],
    [
      "too many variables",
      { ...RUN, env: Object.fromEntries(Array.from({ length: MAX_ENV + 1 }, (_, index) => [`V${index}`, ""])) },
      /^env: must have at most 256/,
    ],
    [
      "a path out of the workspace",
      { ...RUN, files: [{ path: "../x", content: "" }] },
      /^files\.0\.path: .*inside the workspace.*got "\.\.\/x"/,
    ],
    [
      "an unknown encoding of a file",
      { ...RUN, files: [{ path: "a", content: "", encoding: "hex" }] },
      /^files\.0\.encoding: .*utf8.*base64.*got "hex"/,
    ],
    [
      "a mode beyond permissions",
      { ...RUN, files: [{ path: "a", content: "", mode: 0o4755 }] },
      /^files\.0\.mode: .*<=511.*got 2541/,
    ],
    ["too many files", { ...RUN, files: Array(MAX_FILES + 1).fill({ path: "a", content: "" }) }, /^files: .*<=256/],
    ["an empty pattern", { ...RUN, collect: [""] }, /^collect\.0: /],
    ["too many patterns", { ...RUN, collect: Array(MAX_COLLECT_PATTERNS + 1).fill("a") }, /^collect: .*<=32/],
    ["a negative limit", { ...RUN, limits: { outputBytes: -1 } }, /^limits\.outputBytes: .*>=0.*got -1/],
    ["an unknown encoding", { ...RUN, encoding: "latin1" }, /^encoding: .*utf8.*base64.*got "latin1"/],
    ["input that is neither text nor true", { ...RUN, stdin: 5 }, /^stdin: .*string.*true.*got 5/],
    ["input that is false", { ...RUN, stdin: false }, /^stdin: .*string.*true.*got false/],
    ["no data", { type: "stdin", id: "r1" }, /^data: .*string.*got nothing/],
    ["an end of input with data", { type: "stdin_end", id: "r1", data: "x" }, /"data"/],
  ])("is refused, naming the place, the value and what is allowed: %s", (_what, message, words) => {
    expect(refused(message).error.message).toMatch(words);
  });

  it.each([
    ["nothing", ""],
    ["half of it", '{"type":"run","id":"r1"'],
    ["a comment", '{/* run */"type":"run"}'],
    ["a single quote", "{'type':'run'}"],
    ["a trailing comma", '{"type":"run",}'],
    ["two values", "{}{}"],
    ["not a number", '{"timeoutMs":NaN}'],
    ["a byte order mark", '\ufeff{"type":"cancel","id":"r1"}'],
  ])("is refused when it is no JSON: %s", (_what, text) => {
    expect(refused(text).error.message).toMatch(/^The message is not JSON: /);
  });

  it.each([
    ["lists", "[".repeat(100_000) + "]".repeat(100_000)],
    ["objects", '{"a":'.repeat(100_000) + "1" + "}".repeat(100_000)],
    [
      "lists in a field",
      `{"type":"run","id":"r1","lane":"p","code":"","args":${"[".repeat(50_000)}${"]".repeat(50_000)}}`,
    ],
  ])("is refused, and nothing breaks, with %s nested a hundred thousand deep", (_what, text) => {
    const { error } = refused(text);
    expect(error.message.length).toBeLessThan(1_000);
  });

  it.each(["__proto__", "constructor", "prototype"])("is refused with a field %s, which changes nothing", (name) => {
    const { error } = refused(JSON.stringify(RUN).replace("}", `,"${name}":{"polluted":true}}`));
    expect(error.message).toContain(name);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  it("is not taken for what its __proto__ says", () => {
    refused('{"__proto__":{"type":"cancel","id":"r1"}}');
  });

  it("has all its variables, or is refused: none goes missing in silence", () => {
    const decoded = decode(JSON.stringify(RUN).replace("}", ',"env":{"__proto__":"x"}}'));
    const kept = decoded.ok && decoded.message.type === "run" ? Object.keys(decoded.message.env) : undefined;
    expect(kept ?? ["__proto__"]).toEqual(["__proto__"]);
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });

  it("takes the last of two equal fields, as JSON does", () => {
    expect(accepted('{"type":"cancel","id":"a","id":"b"}')).toEqual({ type: "cancel", id: "b" });
  });
});

describe("the refusal of a message", () => {
  it.each<[string, unknown, string | undefined, boolean]>([
    ["a run with a usable id", { ...RUN, code: 5 }, "r1", true],
    ["a run with an id of another type", { ...RUN, id: {} }, undefined, true],
    ["a run with an id too long", { ...RUN, id: "x".repeat(129) }, undefined, true],
    ["a run with an empty id", { ...RUN, id: "" }, undefined, true],
    ["another message", { type: "stdin", id: "r1", data: 5 }, "r1", false],
    ["an unknown type", { type: "launch", id: "r1" }, "r1", false],
    ["no object", [], undefined, false],
    ["no JSON", "{", undefined, false],
  ])("keeps the id where it can be used, and says whether it was to be a run: %s", (_what, message, id, isRun) => {
    const decoded = refused(message);
    expect([decoded.error.id, decoded.isRun]).toEqual([id, isRun]);
  });

  it("does not send a client's program back", () => {
    const { error } = refused({ ...RUN, code: "s3cret ".repeat(1_000) + "\ud800" });
    expect(error.message.length).toBeLessThan(200);
  });

  it("names five things at most, however many are wrong", () => {
    const { error } = refused({ ...RUN, args: Array(200).fill(5) });
    expect(error.message.split("; ")).toHaveLength(5);
  });
});

describe("the daemon's messages", () => {
  const report = { bytes: 1, sent: 1, truncated: false };
  it.each<[string, ServerMessage]>([
    ["hello", { type: "hello", protocol: 1, server: "0.1.0", lanes: [] }],
    ["queued", { type: "queued", id: "r1", seq: 0, position: 1, etaMs: null }],
    ["started", { type: "started", id: "r1", seq: 0, sandbox: "s", launch: "warm", queueMs: 0, handoutMs: 0.4 }],
    ["stdout", { type: "stdout", id: "r1", seq: 1, data: "x" }],
    ["stderr", { type: "stderr", id: "r1", seq: 2, data: "" }],
    ["file", { type: "file", id: "r1", seq: 3, path: "a", size: 1, mode: 0o644, content: "x", encoding: "utf8" }],
    ["a file left out", { type: "file", id: "r1", seq: 3, path: "a", size: 9, mode: 0, skipped: "too_large" }],
    [
      "exit",
      {
        type: "exit",
        id: "r1",
        seq: 4,
        reason: "exited",
        exitCode: 0,
        signal: null,
        timings: { queueMs: 0, handoutMs: 0, firstByteMs: null, runMs: 1 },
        usage: { cpuMs: null, maxRssBytes: null, oomKills: null },
        output: { stdout: report, stderr: report },
      },
    ],
    [
      "an error of a run",
      { type: "error", id: "r1", seq: 0, code: "queue_full", message: "m", retryable: true, retryAfterMs: 5 },
    ],
    ["an error of no run", { type: "error", code: "bad_message", message: "m", retryable: false }],
    ["destroyed", { type: "destroyed", id: "r1", seq: 5, sandbox: "s", afterMs: 30 }],
    ["ping", { type: "ping" }],
  ])("are read again as they were written: %s", (_what, message) => {
    expect(decodeServerMessage(JSON.stringify(message))).toEqual(message);
  });

  it("may have fields that a newer daemon added", () => {
    expect(decodeServerMessage('{"type":"ping","load":0.5}')).toEqual({ type: "ping" });
  });

  it.each(["", "{", "{}", '{"type":"nope"}', '{"type":"exit","id":"r1","seq":0,"reason":"done"}'])(
    "are nothing else: %j",
    (text) => {
      expect(() => decodeServerMessage(text)).toThrow();
    },
  );
});

describe("the error codes", () => {
  it.each(ERROR_CODES)("have facts for %s that fit together", (code) => {
    const { httpStatus, closeCode, retryable, meaning } = ERROR_FACTS[code];
    expect(httpStatus).toBeGreaterThanOrEqual(400);
    expect(httpStatus).toBeLessThan(600);
    expect(closeCode === undefined || closeCode === 1001 || (closeCode >= 4000 && closeCode < 5000)).toBe(true);
    expect(meaning).toMatch(/^[A-Z].*\.$/);
    // 503 and 429 mean "later"; anything else would be the same the second time.
    expect(retryable).toBe(httpStatus === 503 || httpStatus === 429);
  });

  it("have no facts for codes that do not exist", () => {
    expect(Object.keys(ERROR_FACTS).sort()).toEqual([...ERROR_CODES].sort());
  });

  it("make errors that say whether to try again, and leave out what is not known", () => {
    expect(makeError("queue_full", "m", { id: "r1", retryAfterMs: 20 })).toEqual({
      type: "error",
      id: "r1",
      code: "queue_full",
      message: "m",
      retryable: true,
      retryAfterMs: 20,
    });
    expect(makeError("internal", "m")).toEqual({ type: "error", code: "internal", message: "m", retryable: false });
  });
});
