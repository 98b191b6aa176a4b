import { describe, expect, it } from "vitest";
import { seededNumbers } from "../../../src/sizing/seeded.js";
import { threadCpuMs } from "../../support/thread-cpu.js";
import { runMessage } from "../../../src/protocol/messages.js";
import { BadRunError, outputLimitOf, programOf, TooLargeError } from "../../../src/run/program.js";
import { laneConfig } from "../pool/rig.js";

const request = (fields: Record<string, unknown> = {}) =>
  runMessage.parse({ type: "run", id: "r", lane: "python", code: "print(1)", ...fields });
const lane = laneConfig({
  maxCodeBytes: 16,
  timeoutMs: 1_000,
  maxTimeoutMs: 2_000,
  maxOutputBytes: 100,
  maxCollectBytes: 5,
  maxCollectFiles: 6,
});

describe("the program of a request", () => {
  it("has the code first, then the files it brings along, and the lane's limits", () => {
    const files = [
      { path: "data/in.csv", content: "a,b" },
      { path: "tool", content: Buffer.from([0, 255]).toString("base64"), encoding: "base64", mode: 0o755 },
    ];
    const program = programOf(request({ files, args: ["x"], env: { A: "1" }, collect: ["*"] }), lane);
    expect(program).toEqual({
      files: [
        { path: "main.py", mode: 0o644, content: Buffer.from("print(1)") },
        { path: "data/in.csv", mode: 0o644, content: Buffer.from("a,b") },
        { path: "tool", mode: 0o755, content: Buffer.from([0, 255]) },
      ],
      args: ["x"],
      env: { A: "1" },
      timeoutMs: 1_000,
      graceMs: 0,
      stdinOpen: false,
      collect: ["*"],
      maxCollectBytes: 5,
      maxCollectFiles: 6,
    });
  });

  it.each<[string[], string[], string[]]>([
    [["*"], ["A", "b_1"], []],
    [
      ["APP_*", "TZ"],
      ["APP_", "APP_X", "TZ"],
      ["APP", "TZ2", "T", "app_x"],
    ],
    [[], [], ["A"]],
  ])("takes the variables that its lane allows: %j", (allowedEnv, allowed, refused) => {
    const choosy = laneConfig({ allowedEnv });
    for (const name of allowed)
      expect(programOf(request({ env: { [name]: "1" } }), choosy).env).toEqual({ [name]: "1" });
    for (const name of refused) {
      const act = () => programOf(request({ env: { [name]: "1" } }), choosy);
      expect(act).toThrow(BadRunError);
      expect(act).toThrow(new RegExp(`^env\\.${name}: lane python lets a run set: `));
    }
  });

  it("goes into the file of its lane's language", () => {
    expect(programOf(request(), laneConfig({ language: "shell" })).files[0]?.path).toBe("main.sh");
  });

  it.each([
    [undefined, false],
    [true, true],
    ["text", true],
    ["", true],
  ])("has its input open for stdin %j: %s", (stdin, open) => {
    expect(programOf(request(stdin === undefined ? {} : { stdin }), lane).stdinOpen).toBe(open);
  });

  it.each<[string, Record<string, unknown>, new (message: string) => Error, RegExp]>([
    [
      "code over the limit",
      { code: "x".repeat(17) },
      TooLargeError,
      /^code: has 17 bytes; lane python takes 16 at most/,
    ],
    ["code over the limit in bytes, not in characters", { code: "€".repeat(6) }, TooLargeError, /18 bytes/],
    ["a time-out over the lane's", { timeoutMs: 2_001 }, BadRunError, /^timeoutMs: is 2001; .* 1 to 2000/],
    [
      "arguments and variables over their room",
      { args: ["x".repeat(60_000)] },
      TooLargeError,
      /^args and env: .* 60000/,
    ],
    ["a variable of ten million bytes", { env: { A: "x".repeat(10_000_000) } }, TooLargeError, /^args and env/],
    [
      "a file in the program's place",
      { files: [{ path: "main.py", content: "" }] },
      BadRunError,
      /^files\.0\.path: "main\.py" is taken/,
    ],
    [
      "two files of one name",
      {
        files: [
          { path: "a", content: "" },
          { path: "a", content: "" },
        ],
      },
      BadRunError,
      /^files\.1\.path/,
    ],
    [
      "content that is not base64",
      { files: [{ path: "a", content: "ab!d", encoding: "base64" }] },
      BadRunError,
      /^files\.0\.content: is not base64/,
    ],
    [
      "base64 that is cut short",
      { files: [{ path: "a", content: "abcde", encoding: "base64" }] },
      BadRunError,
      /not base64/,
    ],
  ])("is refused with %s", (_what, fields, kind, message) => {
    expect(() => programOf(request(fields), lane)).toThrow(kind);
    expect(() => programOf(request(fields), lane)).toThrow(message);
  });

  it.each(["", "YQ==", "YQ", "YWI=", "YWJj"])("takes %j as base64, padded or not", (content) => {
    expect(() => programOf(request({ files: [{ path: "a", content, encoding: "base64" }] }), lane)).not.toThrow();
  });

  it.each([
    ["YWJj\r\nZGVm\r\n", "abcdef"],
    [" Y W J j\tZ\nA = = \n", "abcd"],
    ["\n", ""],
    ["Y\nQ", "a"],
  ])("takes %j as base64, in lines or not", (content, expected) => {
    const { files } = programOf(request({ files: [{ path: "a", content, encoding: "base64" }] }), lane);
    expect(files[1]?.content.toString()).toBe(expected);
  });

  it("takes base64 in lines whatever it stands for", () => {
    const random = seededNumbers(1);
    for (let round = 0; round < 500; round += 1) {
      const bytes = Buffer.from(Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 256)));
      const content = bytes.toString("base64").replace(/./g, (digit) => {
        const blank = ["\n", "\r\n", " ", "\t"][Math.floor(random() * 12)] ?? "";
        return random() < 0.5 ? digit + blank : blank + digit;
      });
      const { files } = programOf(request({ files: [{ path: "a", content, encoding: "base64" }] }), lane);
      expect(files[1]?.content.equals(bytes), JSON.stringify(content)).toBe(true);
    }
  });

  it.each([
    ["YW!j", /U\+0021 at character 3 of 4/],
    ["YWJj\u009b", /U\+009B at character 5 of 5/],
    ["YWJj\u00a0", /U\+00A0 at character 5/],
    ["YWJ\u{1f600}", /U\+1F600 at character 4/],
    ["YQ==YQ==", /U\+0059 at character 5/],
    ["YW-_", /U\+002D at character 3/],
    ["YWJj\0", /U\+0000 at character 5/],
    ["Y", /middle of a byte/],
    ["YR==", /middle of a byte/],
    ["YWK=", /middle of a byte/],
    ["YWJj Y", /middle of a byte/],
  ])("refuses %j and says where it is wrong", (text, message) => {
    expect(() => programOf(request({ files: [{ path: "a", content: text, encoding: "base64" }] }), lane)).toThrow(
      message,
    );
    expect(() => programOf(request({ stdin: text, stdinEncoding: "base64" }), lane)).toThrow(message);
  });

  it("says in a short text what is wrong in a long one, and soon", () => {
    const start = threadCpuMs();
    for (const text of [" ".repeat(4_000_000) + "!", "=".repeat(4_000_000) + "!", "A ".repeat(2_000_000) + "!"]) {
      const run = request({ stdin: text, stdinEncoding: "base64" });
      expect(() => programOf(run, lane)).toThrow(/^stdin: is not base64: U\+0021 at character 400000\d of/);
    }
    expect(threadCpuMs() - start).toBeLessThan(5_000);
  });

  it("refuses an encoding of an input that is no string", () => {
    for (const fields of [
      { stdinEncoding: "base64" as const },
      { stdin: true as const, stdinEncoding: "utf8" as const },
    ])
      expect(() => programOf(request(fields), lane)).toThrow(/^stdinEncoding: is for a stdin that is a string/);
  });

  it("takes exactly as much as there is room for", () => {
    expect(() =>
      programOf(request({ code: "x".repeat(16), timeoutMs: 2_000, args: ["x".repeat(59_999)] }), lane),
    ).not.toThrow();
  });
});

describe("the output limit of a request", () => {
  it.each([
    [undefined, 100],
    [0, 0],
    [100, 100],
  ])("asked as %j is %i", (outputBytes, limit) => {
    expect(outputLimitOf(request({ limits: outputBytes === undefined ? {} : { outputBytes } }), lane)).toBe(limit);
  });

  it("is never above the lane's", () => {
    expect(() => outputLimitOf(request({ limits: { outputBytes: 101 } }), lane)).toThrow(/is 101; .* 0 to 100/);
  });
});
