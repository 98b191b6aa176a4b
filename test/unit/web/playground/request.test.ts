import { describe, expect, it } from "vitest";
import { runMessage } from "../../../../src/protocol/messages.js";
import { type Draft, type Field, readDraft } from "../../../../src/web/playground/request.js";

const EMPTY: Draft = {
  lane: "python",
  code: "print(1)",
  input: "",
  isInputOpen: false,
  args: "",
  env: "",
  timeout: "",
  collect: "",
  files: [],
};

const file = (path: string): Draft["files"][number] => ({ path, content: "", encoding: "base64", mode: 0o644 });

function requestOf(changes: Partial<Draft>): unknown {
  const reading = readDraft({ ...EMPTY, ...changes });
  if (!reading.ok) throw new Error(reading.problem);
  return reading.request;
}

describe("what was typed becomes a run", () => {
  it("without anything that was not typed", () => {
    expect(requestOf({})).toEqual({ lane: "python", code: "print(1)", args: [], env: {}, files: [], collect: [] });
  });

  it("that the daemon takes, with everything", () => {
    const request = requestOf({
      input: "1\n2\n",
      args: "--name\nwith a space \n\n",
      env: "MODE=a=b\r\n\nEMPTY=\n",
      timeout: "1.5s",
      collect: " *.png \n\nout/**\n",
      files: [file("data/in.csv")],
    });
    expect(request).toMatchObject({
      stdin: "1\n2\n",
      args: ["--name", "with a space "],
      env: { MODE: "a=b", EMPTY: "" },
      timeoutMs: 1_500,
      collect: ["*.png", "out/**"],
    });
    expect(runMessage.parse({ ...(request as object), type: "run", id: "a" })).toMatchObject({ timeoutMs: 1_500 });
  });

  it("whose input is kept open, whatever is sent of it first", () => {
    expect(requestOf({ input: "first\n", isInputOpen: true })).toMatchObject({ stdin: true });
  });

  it.each([
    ["3", 3_000],
    ["250ms", 250],
    [" 10 s ", 10_000],
    ["2min", 120_000],
    ["2m", 120_000],
  ])("with %j as its time-out", (timeout, timeoutMs) => {
    expect(requestOf({ timeout })).toMatchObject({ timeoutMs });
  });
});

describe("what cannot be a run is told where it stands", () => {
  it.each<[Partial<Draft>, Field, string]>([
    [{ env: "A=1\nB" }, "env", '"B" has no "="'],
    [{ env: "LD_PRELOAD=x" }, "env", "LD_PRELOAD"],
    [{ env: "=x" }, "env", '""'],
    [{ timeout: "soon" }, "timeout", "soon"],
    [{ timeout: "0" }, "timeout", "0"],
    [{ timeout: "-1s" }, "timeout", "-1s"],
    [{ timeout: "1e9" }, "timeout", "1e9"],
    [{ timeout: "99999min" }, "timeout", "99999min"],
    [{ files: [file("../x")] }, "files", "../x"],
    [{ files: [file("a"), file("a")] }, "files", 'two files named "a"'],
  ])("%j", (changes, field, words) => {
    expect(readDraft({ ...EMPTY, ...changes })).toMatchObject({
      ok: false,
      field,
      problem: expect.stringContaining(words),
    });
  });
});
