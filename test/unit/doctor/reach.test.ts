import { describe, expect, it } from "vitest";
import { loadConfig } from "../../../src/config/load.js";
import { EgressError } from "../../../src/container/egress-error.js";
import type { EgressHost } from "../../../src/container/egress-host.js";
import { lookAtNetwork } from "../../../src/doctor/firewall.js";
import { checkDirectPipes, checkGpus, checkNetwork, checkUser } from "../../../src/doctor/reach.js";

describe("the check of the network", () => {
  it("is content where no lane has one", () => {
    expect(checkNetwork({ lanes: [], faults: [], resolvers: [] })).toMatchObject({ status: "ok" });
  });

  it("names lanes and resolvers where rules can be put in place", () => {
    expect(checkNetwork({ lanes: ["shell"], faults: [], resolvers: ["192.0.2.53"] })).toEqual({
      status: "ok",
      finding: "rules for shell can be put in place from here; names from 192.0.2.53",
    });
  });

  it("fails with every fault, and with the way out", () => {
    expect(checkNetwork({ lanes: ["shell"], faults: ["one", "two"], resolvers: [] })).toEqual({
      status: "fail",
      finding: "shell would stay closed",
      fix: "one\ntwo\nOr without a network: --set lanes.shell.network=none",
    });
  });
});

describe("the look at the network", () => {
  const { signal } = new AbortController();
  const socket = { kind: "socket", socketPath: "/run/engine.sock" } as const;
  const config = (...overrides: string[]) =>
    loadConfig({ env: {}, overrides: ["egress.dns=[192.0.2.53]", ...overrides] });

  /** Notes down what is done to it. */
  function scriptedHost(faults: { read?: string; write?: string; blind?: string } = {}) {
    const calls: string[] = [];
    const firewall = {
      read: () => {
        calls.push("read");
        return faults.read === undefined ? Promise.resolve("") : Promise.reject(new EgressError(faults.read));
      },
      write: (script: string) => {
        calls.push(script);
        return faults.write === undefined ? Promise.resolve() : Promise.reject(new EgressError(faults.write));
      },
    };
    const host: EgressHost = {
      ipv4: firewall,
      ipv6: firewall,
      blindSpot: () => Promise.resolve(faults.blind),
      monitor: () => ({ [Symbol.dispose]: () => undefined }),
      [Symbol.dispose]: () => void calls.push("disposed"),
    };
    return { host, calls };
  }

  it("leaves the firewall alone where no lane has a network", async () => {
    const { host, calls } = scriptedHost();
    const without = await config("lanes.shell.network=none");
    expect(await lookAtNetwork({ config: without, address: socket, signal, host })).toMatchObject({
      lanes: [],
      faults: [],
    });
    expect(calls).toEqual([]);
  });

  it("reads both tables and writes nothing into them", async () => {
    const { host, calls } = scriptedHost();
    expect(await lookAtNetwork({ config: await config(), address: socket, signal, host })).toEqual({
      lanes: ["shell"],
      faults: [],
      resolvers: ["192.0.2.53"],
    });
    const empty = "*filter\nCOMMIT\n";
    expect(calls).toEqual(["read", empty, "read", empty, "disposed"]);
  });

  it("tells everything that is wrong, but not for both address families", async () => {
    const look = async (faults: Parameters<typeof scriptedHost>[0]) =>
      (await lookAtNetwork({ config: await config(), address: socket, signal, ...scriptedHost(faults) })).faults;
    expect(await look({ read: "not installed" })).toEqual(["not installed"]);
    expect(await look({ write: "not root", blind: "no br_netfilter" })).toEqual(["not root", "no br_netfilter"]);
  });

  it("knows that an engine elsewhere has no rules of this machine", async () => {
    const { host, calls } = scriptedHost();
    const address = { kind: "tcp", host: "127.0.0.1", port: 2375 } as const;
    const { faults } = await lookAtNetwork({ config: await config(), address, signal, host });
    expect(faults).toEqual([expect.stringContaining("unix socket")]);
    expect(calls).toEqual([]);
  });
});

describe("the check of direct pipes", () => {
  const here = { isWanted: true, address: "socket", isRoot: true, hostname: "here" } as const;

  it.each([
    { facts: here, name: "here", status: "ok", finding: "past the engine" },
    { facts: here, name: "", status: "ok", finding: "past the engine" },
    { facts: { ...here, isWanted: false, isRoot: false }, name: "here", status: "ok", finding: "switched off" },
    { facts: { ...here, isRoot: false }, name: "here", status: "warn", finding: "not root" },
    { facts: { ...here, address: "tcp" as const }, name: "here", status: "warn", finding: "over the network" },
    { facts: here, name: "there", status: "warn", finding: '"there"' },
  ])("takes $facts beside $name for $status", ({ facts, name, status, finding }) => {
    const verdict = checkDirectPipes(facts, { Name: name });
    expect(verdict).toMatchObject({ status, finding: expect.stringContaining(finding) });
  });
});

describe("the check of GPUs", () => {
  const none = { Runtimes: { runc: {} }, DiscoveredDevices: [{ Source: "cdi", ID: "vendor.com/nic=0" }] };
  const some = { Runtimes: { nvidia: {} }, DiscoveredDevices: [{ Source: "cdi", ID: "nvidia.com/gpu=0" }] };

  it("is never more than a word where no lane wants any", () => {
    expect(checkGpus([], none)).toEqual({ status: "ok", finding: "none" });
    expect(checkGpus([], some)).toMatchObject({
      status: "ok",
      finding: expect.stringContaining("the nvidia runtime, nvidia.com/gpu=0"),
    });
  });

  it("names the lanes, and how the engine passes what they want", () => {
    expect(checkGpus(["data", "node"], some)).toEqual({
      status: "ok",
      finding: "for data, node: the engine has the nvidia runtime, nvidia.com/gpu=0",
    });
  });

  it("warns, and says what to do, where a lane wants one and the engine has no sign of any", () => {
    const { status, finding, fix } = { fix: "", ...checkGpus(["data"], none) };
    expect([status, finding]).toEqual([
      "warn",
      "for data, but the engine names neither the nvidia runtime nor a device",
    ]);
    expect(fix).toContain("nvidia-ctk runtime configure");
    expect(fix).toContain("--set lanes.data.gpus=null");
  });
});

describe("the check of the user", () => {
  const facts = { isRoot: false, lanes: [], wantsPipes: false, wantsCpuLatency: false };

  it("is well as root, and where nothing needs root", () => {
    expect(checkUser({ ...facts, isRoot: true, lanes: ["shell"], wantsPipes: true })).toMatchObject({ status: "ok" });
    expect(checkUser(facts)).toMatchObject({ status: "ok", finding: expect.stringContaining("not root") });
  });

  it("says what does not work without root, and what to set", () => {
    expect(checkUser({ isRoot: false, lanes: ["shell", "net"], wantsPipes: true, wantsCpuLatency: true })).toEqual({
      status: "warn",
      finding: expect.stringMatching(
        /lanes without a network work; what does not: lane shell .* lane net .* server\.cpuLatencyUs$/,
      ),
      fix: expect.stringContaining(
        "--set lanes.shell.network=none --set lanes.net.network=none --set engine.directPipes=false --set server.cpuLatencyUs=null",
      ),
    });
  });
});
