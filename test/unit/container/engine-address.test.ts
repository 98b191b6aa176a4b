import { describe, expect, it } from "vitest";
import { describeAddress, engineAddress } from "../../../src/container/engine-address.js";
import { ConfigError } from "../../../src/errors.js";

describe("the engine's address", () => {
  it.each([
    [null, { kind: "socket", socketPath: "/var/run/docker.sock" }],
    ["", { kind: "socket", socketPath: "/var/run/docker.sock" }],
    ["unix:///run/user/1000/docker.sock", { kind: "socket", socketPath: "/run/user/1000/docker.sock" }],
    ["tcp://10.0.0.5:2375", { kind: "tcp", host: "10.0.0.5", port: 2375 }],
    ["tcp://engine.local:2375/", { kind: "tcp", host: "engine.local", port: 2375 }],
    ["http://localhost:2375", { kind: "tcp", host: "localhost", port: 2375 }],
    ["tcp://[::1]:2375", { kind: "tcp", host: "::1", port: 2375 }],
  ])("%j is read", (text, address) => {
    expect(engineAddress(text)).toEqual(address);
  });

  it.each([
    "ssh://root@host",
    "npipe:////./pipe/docker",
    "https://host:2376",
    "tcp://host",
    "/var/run/docker.sock",
    "tcp://host:2375/v1.41",
  ])("%j is refused with what is allowed", (text) => {
    expect(() => engineAddress(text)).toThrow(ConfigError);
    expect(() => engineAddress(text)).toThrow(/engine\.socket: .* must be unix:\/\/\/path or tcp:\/\/host:port/);
  });

  it("is written as it is read", () => {
    expect(describeAddress(engineAddress("unix:///a/b"))).toBe("unix:///a/b");
    expect(describeAddress(engineAddress("tcp://h:1"))).toBe("tcp://h:1");
  });
});
