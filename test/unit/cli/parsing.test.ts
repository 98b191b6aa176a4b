import { describe, expect, it } from "vitest";
import { parseAddress, showAddress, webSocketUrl } from "../../../src/client/address.js";
import { parseDuration, parseMilliseconds, showDuration } from "../../../src/cli/duration.js";
import { parseFileArgument } from "../../../src/cli/input-files.js";
import { parseSetting, parseVariable } from "../../../src/cli/options.js";

describe("a duration", () => {
  it.each([
    ["500ms", 500],
    ["10s", 10_000],
    ["1.5s", 1_500],
    ["2m", 120_000],
    ["24h", 86_400_000],
    [" 1s ", 1_000],
  ])("reads %s as %i ms", (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each(["", "s", "10 s", "-1s", "1e3ms", "10sec", "ten", "1s500ms", "Infinitys"])(
    'refuses "%s" and says what is allowed',
    (text) => {
      expect(() => parseDuration(text)).toThrow(/500ms, 10s or 2m/);
    },
  );

  it("asks what a bare number means instead of guessing", () => {
    expect(() => parseDuration("10")).toThrow("did you mean 10s or 10ms?");
  });

  it("takes a bare number as milliseconds where an option says so", () => {
    expect(["0", "250", "250ms", "2s"].map(parseMilliseconds)).toEqual([0, 250, 250, 2_000]);
  });

  it.each(["0s", "0.2ms", "25h"])("refuses %s as out of range", (text) => {
    expect(() => parseDuration(text)).toThrow("not between 1ms and 24h");
  });

  it.each([
    [0.4, "0 ms"],
    [999, "999 ms"],
    [1_500, "1.5 s"],
    [30_000, "30 s"],
    [90_000, "1.5 min"],
  ])("shows %d ms as %s", (milliseconds, text) => {
    expect(showDuration(milliseconds)).toBe(text);
  });
});

describe("--file", () => {
  it.each([
    ["data.csv", "data.csv", "data.csv"],
    ["some/where/data.csv", "some/where/data.csv", "data.csv"],
    ["../data.csv", "../data.csv", "data.csv"],
    ["data.csv:in/x.csv", "data.csv", "in/x.csv"],
    ["odd:name.csv:x.csv", "odd:name.csv", "x.csv"],
  ])("reads %s", (text, local, remote) => {
    expect(parseFileArgument(text)).toEqual({ local, remote });
  });

  it.each(["data.csv:/etc/passwd", "data.csv:../x", "data.csv:a/./b", "data.csv:", "..", "/"])(
    "refuses %s: it would leave the workspace",
    (text) => {
      expect(() => parseFileArgument(text)).toThrow("not a path inside the workspace");
    },
  );

  it("refuses a file without a name", () => {
    expect(() => parseFileArgument(":x")).toThrow("must look like");
  });
});

describe("--set", () => {
  it.each([
    "lanes.python.warm=8",
    "server.listen=127.0.0.1:0",
    "server.tokens=[a, b]",
    "lanes.my-lane.image=a=b",
    "log.level=",
  ])("takes %s", (text) => {
    expect(parseSetting(text)).toBe(text);
  });

  it.each(["lanes.python.warm", "=8", "lanes..warm=8", ".a=1", "a b=1"])('refuses "%s"', (text) => {
    expect(() => parseSetting(text)).toThrow("must look like lanes.python.warm=8");
  });
});

describe("--env", () => {
  it("divides at the first equals sign", () => {
    expect(parseVariable("A=b=c")).toEqual(["A", "b=c"]);
    expect(parseVariable("A=")).toEqual(["A", ""]);
  });

  it.each(["A", "=b", ""])('refuses "%s"', (text) => {
    expect(() => parseVariable(text)).toThrow("NAME=value");
  });
});

describe("--url", () => {
  it.each([
    ["http://127.0.0.1:7070", "http://127.0.0.1:7070", "ws://127.0.0.1:7070/v1/ws"],
    ["ws://localhost:7070/", "http://localhost:7070", "ws://localhost:7070/v1/ws"],
    ["https://box.example/matchbox/", "https://box.example/matchbox", "wss://box.example/matchbox/v1/ws"],
    ["http://[::1]:7070", "http://[::1]:7070", "ws://[::1]:7070/v1/ws"],
    ["unix:/run/matchbox.sock", "unix:/run/matchbox.sock", "ws://localhost/v1/ws"],
    ["unix:///run/matchbox.sock", "unix:/run/matchbox.sock", "ws://localhost/v1/ws"],
  ])("reads %s", (text, shown, webSocket) => {
    expect(showAddress(parseAddress(text))).toBe(shown);
    expect(webSocketUrl(parseAddress(text))).toBe(webSocket);
  });

  it.each(["127.0.0.1:7070", "localhost:7070", "unix:", "tcp://x:1", ""])('refuses "%s"', (text) => {
    expect(() => parseAddress(text)).toThrow(TypeError);
  });
});
