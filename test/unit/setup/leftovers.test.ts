import { describe, expect, it } from "vitest";
import { DEFAULT_LOCATIONS } from "../../../src/setup/engine.js";
import { findLeftoverProcesses, parseProcess, type ProcessEntry } from "../../../src/setup/leftovers.js";

const locations = { ...DEFAULT_LOCATIONS, execRoot: "/nowhere/exec", dataRoot: "/nowhere/data" };
const entry = (pid: number, parent: number, commandLine: string): ProcessEntry => ({
  pid,
  parent,
  startTime: "1",
  args: commandLine.split(" "),
});

describe("findLeftoverProcesses", () => {
  it("takes the engine's own containerd, its shims and what runs under them, and nobody else's", async () => {
    const found = await findLeftoverProcesses(locations, [
      entry(10, 1, "containerd --config /nowhere/exec/containerd/containerd.toml --log-level info"),
      entry(11, 1, "/usr/bin/containerd"),
      entry(12, 1, "containerd --config /etc/containerd/config.toml"),
      entry(20, 1, "/usr/bin/containerd-shim-runc-v2 -id a -address /nowhere/exec/containerd/containerd.sock"),
      entry(21, 20, "python3"),
      entry(22, 21, "sh -c containerd"),
      entry(30, 1, "/usr/bin/containerd-shim-runc-v2 -id b -address /run/containerd/containerd.sock"),
      entry(31, 30, "postgres"),
      entry(40, 1, "vim /nowhere/exec/containerd/containerd.sock"),
    ]);
    expect(found.map(({ pid }) => pid).sort()).toEqual([10, 20, 21, 22]);
  });
});

describe("parseProcess", () => {
  const status = (name: string, state: string) =>
    `7 (${name}) ${state} 3 ${Array.from({ length: 17 }, (_, index) => index).join(" ")} 4242 0 0`;

  it("reads parent, start time and arguments, whatever the name holds", () => {
    expect(parseProcess(7, status("a) S 9 (b", "S"), "prog\0one\0two words\0")).toEqual({
      pid: 7,
      parent: 3,
      startTime: "4242",
      args: ["prog", "one", "two words"],
    });
  });

  it("does not count a zombie as a process that lives", () => {
    expect(parseProcess(7, status("containerd", "Z"), "")).toBeUndefined();
  });
});
