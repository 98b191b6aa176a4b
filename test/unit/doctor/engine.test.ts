import { describe, expect, it } from "vitest";
import { checkEngine, checkImages, type EngineAnswer } from "../../../src/doctor/engine.js";
import { engineInfo, hasSecurityOption } from "../../../src/doctor/engine-info.js";
import { originOf } from "../../../src/doctor/machine.js";

const ADDRESS = { address: "unix:///run/engine.sock", origin: "DOCKER_HOST" };
const answers = (version: string, apiVersion: string): EngineAnswer => ({
  kind: "answers",
  apiVersion,
  info: engineInfo.parse({ ServerVersion: version, KernelVersion: "6.1" }),
});

describe("the check of the engine", () => {
  it("names version, API and address", () => {
    expect(checkEngine({ ...ADDRESS, answer: answers("20.10.24+dfsg1", "1.41") })).toEqual({
      status: "ok",
      finding: "20.10.24+dfsg1, API 1.41, at unix:///run/engine.sock (DOCKER_HOST), kernel 6.1",
    });
  });

  it.each([
    { version: "29.0.1", api: "1.52", status: "ok" },
    { version: "20.10.9", api: "1.41", status: "warn" },
    { version: "19.03.15", api: "1.40", status: "fail" },
    // Podman, which counts in its own way.
    { version: "5.4.2", api: "1.41", status: "ok" },
  ])("takes $version with API $api for $status", ({ version, api, status }) => {
    expect(checkEngine({ ...ADDRESS, answer: answers(version, api) })).toMatchObject({ status });
  });

  it.each([
    { ping: { kind: "nobody" } as const, finding: "nobody listens", fix: "npm start" },
    { ping: { kind: "forbidden" } as const, finding: "may not speak", fix: "usermod -aG docker" },
    {
      ping: { kind: "silent", detail: "no answer within 5 s" } as const,
      finding: "no answer within 5 s",
      fix: "restart",
    },
  ])("says what was tried, and what to do, when $finding", ({ ping, finding, fix }) => {
    const verdict = checkEngine({ ...ADDRESS, answer: { kind: "away", ping } });
    expect(verdict).toMatchObject({ status: "fail", fix: expect.stringContaining(fix) });
    expect(verdict.finding).toContain(finding);
    expect(verdict.finding).toContain("unix:///run/engine.sock (DOCKER_HOST)");
  });
});

describe("where an engine's address comes from", () => {
  it.each([
    [null, {}, "the default"],
    ["unix:///a", {}, "engine.socket"],
    ["unix:///a", { DOCKER_HOST: "unix:///a" }, "DOCKER_HOST"],
    ["unix:///a", { DOCKER_HOST: "unix:///b" }, "engine.socket"],
    ["unix:///a", { DOCKER_HOST: "unix:///b", MATCHBOX_ENGINE_SOCKET: "unix:///a" }, "MATCHBOX_ENGINE_SOCKET"],
  ] as const)("%s with %j: %s", (socket, env, origin) => {
    expect(originOf(socket, env)).toBe(origin);
  });
});

describe("the check of images", () => {
  const image = (reference: string, isThere: boolean) => ({
    reference,
    lanes: ["a", "b"],
    isThere,
    remedy: `get ${reference}`,
  });

  it("is content with images that are there", () => {
    expect(checkImages([image("one:1", true)])).toEqual({ status: "ok", finding: "one:1 (a, b)" });
  });

  it("names those that are missing only, with the command for each", () => {
    expect(checkImages([image("one:1", true), image("two:2", false), image("three:3", false)])).toEqual({
      status: "fail",
      finding: "not there: two:2 (a, b), three:3 (a, b)",
      fix: "get two:2\nget three:3",
    });
  });
});

describe("an engine's word about itself", () => {
  it("is taken from engines that say little, and nothing is guessed", () => {
    const info = engineInfo.parse({ ServerVersion: "1", SecurityOptions: null, MemTotal: 0, SwapLimit: "yes" });
    expect(info).toMatchObject({ SecurityOptions: [], Runtimes: {}, DiscoveredDevices: [] });
    expect([info.MemTotal, info.SwapLimit, info.MemoryLimit]).toEqual([undefined, undefined, undefined]);
  });

  it("has security options by their name alone", () => {
    const info = { SecurityOptions: ["name=seccomp,profile=default", "name=cgroupns"] };
    expect(["seccomp", "cgroupns", "userns", "sec"].map((name) => hasSecurityOption(info, name))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});
