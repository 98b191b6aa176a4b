import { describe, expect, it } from "vitest";
import { clientMessage, serverMessage } from "../../../src/protocol/messages.js";
import { asProgramAlone, isUsualAnswer } from "../../../src/protocol/usual-messages.js";

const PROGRAM = { type: "run", id: "a-1", lane: "python", code: "print(1)" };
const STREAM = { bytes: 2, sent: 2, truncated: false };
const ANSWERS = {
  started: { type: "started", id: "a-1", seq: 0, sandbox: "5f", launch: "warm", queueMs: 0, handoutMs: 0.25 },
  stdout: { type: "stdout", id: "a-1", seq: 1, data: "1\n" },
  stderr: { type: "stderr", id: "a-1", seq: 2, data: "" },
  exit: {
    type: "exit",
    id: "a-1",
    seq: 3,
    reason: "exited",
    exitCode: 0,
    signal: null,
    timings: { queueMs: 0, handoutMs: 0.25, firstByteMs: null, runMs: 1.5 },
    usage: { cpuMs: 1, maxRssBytes: null, oomKills: 0 },
    output: { stdout: STREAM, stderr: STREAM },
  },
};

/** Values that are wrong somewhere, or unusual: each is put in the place of every field. */
const ODD = [
  undefined,
  null,
  true,
  "",
  "x",
  "exited",
  "warm",
  "\u0007",
  "\ud800",
  "n\u00e4me",
  "x".repeat(65),
  "x".repeat(129),
  -1,
  0,
  0.5,
  256,
  2 ** 53,
  Infinity,
  NaN,
  [],
  {},
  { stdout: STREAM },
];

/** A message with one of the odd values in every place, one after the other, with one field less, and with one more. */
function* variants(message: object): Generator<object> {
  for (const [key, value] of Object.entries<unknown>({ ...message })) {
    const rest = Object.fromEntries(Object.entries(message).filter(([name]) => name !== key));
    yield rest;
    for (const odd of ODD) yield { ...message, [key]: odd };
    if (typeof value === "object" && value !== null)
      for (const inner of variants(value)) yield { ...message, [key]: inner };
  }
  yield { ...message, more: 1 };
}

describe("a program and nothing else", () => {
  it("is recognised, and read as zod reads it", () => {
    expect(asProgramAlone(PROGRAM)).toEqual(clientMessage.parse(PROGRAM));
  });

  it("is never what zod would refuse, or read differently", () => {
    let recognised = 0;
    for (const variant of [...variants(PROGRAM), ...ODD]) {
      const message = asProgramAlone(variant);
      if (message === undefined) continue;
      recognised += 1;
      expect(clientMessage.safeParse(variant)).toEqual({ success: true, data: message });
    }
    expect(recognised).toBeGreaterThan(5);
  });

  it("shares nothing with another", () => {
    expect(asProgramAlone(PROGRAM)?.args).not.toBe(asProgramAlone(PROGRAM)?.args);
  });
});

describe("what the daemon usually says", () => {
  it.each(Object.entries(ANSWERS))("is recognised: %s", (_, message) => {
    expect(isUsualAnswer(message)).toBe(true);
  });

  it.each(Object.entries(ANSWERS))("is never what zod would refuse, or read differently: %s", (_, message) => {
    let recognised = 0;
    for (const variant of [...variants(message), ...ODD]) {
      if (!isUsualAnswer(variant)) continue;
      recognised += 1;
      expect(serverMessage.safeParse(variant)).toEqual({ success: true, data: variant });
    }
    expect(recognised).toBeGreaterThan(5);
  });

  it("leaves a grace to zod, on both ways", () => {
    expect(asProgramAlone({ ...PROGRAM, graceMs: 0 })).toBeUndefined();
    const exit = { ...ANSWERS.exit, reason: "timed_out", exitCode: 3, grace: { ended: "by_itself" } };
    expect(isUsualAnswer(exit)).toBe(false);
    expect(serverMessage.safeParse(exit)).toEqual({ success: true, data: exit });
    expect(serverMessage.safeParse({ ...exit, grace: { ended: "later" } }).success).toBe(false);
  });

  it("leaves to zod what is not of this version", () => {
    expect(isUsualAnswer({ ...ANSWERS.exit, detail: "from a newer daemon" })).toBe(false);
  });
});
