import { describe, expect, it } from "vitest";
import { formatListenAddress, isLoopback, parseListenAddress } from "../../../src/server/listen-address.js";

describe("a listen address", () => {
  it.each([
    ["127.0.0.1:7070", { kind: "tcp", host: "127.0.0.1", port: 7070 }],
    ["localhost:0", { kind: "tcp", host: "localhost", port: 0 }],
    ["[::1]:7070", { kind: "tcp", host: "::1", port: 7070 }],
    ["unix:/run/matchbox.sock", { kind: "unix", path: "/run/matchbox.sock" }],
    ["unix:/odd:name", { kind: "unix", path: "/odd:name" }],
  ])("is read and written: %s", (text, address) => {
    expect(parseListenAddress(text)).toEqual(address);
    expect(formatListenAddress(parseListenAddress(text))).toBe(text);
  });

  it.each([
    ["127.0.0.1:1", true],
    ["127.255.255.254:1", true],
    ["localhost:1", true],
    ["[::1]:1", true],
    ["[::ffff:127.0.0.1]:1", true],
    ["unix:/x", true],
    ["0.0.0.0:1", false],
    ["[::]:1", false],
    ["128.0.0.1:1", false],
    ["126.255.255.255:1", false],
    ["10.0.0.1:1", false],
    ["[::2]:1", false],
    ["[::ffff:10.0.0.1]:1", false],
    ["localhost.example.org:1", false],
    ["127.1:1", false],
  ])("is for this machine only: %s is %s", (text, loopback) => {
    expect(isLoopback(parseListenAddress(text))).toBe(loopback);
  });
});
