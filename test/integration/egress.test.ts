import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { copyFile, chmod, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Cleanup } from "../../src/cleanup.js";
import { egressInterface, EgressRules } from "../../src/container/egress.js";
import { chainNames } from "../../src/container/egress-rules.js";
import type { EgressPolicy } from "../../src/container/egress-rules.js";
import { everyTarget, PROBES, reachedIn } from "../support/probes.js";
import { askEngine, callEngine, countContainers, runContainer, startContainer } from "../support/probes/engine.js";

const LABEL = "test-egress";
const execute = promisify(execFile);
const { signal } = new AbortController();

const id = randomBytes(3).toString("hex");
const bridge = egressInterface(`egress-test-${id}`);
const network = `matchbox-egress-test-${id}`;
const namespace = `mbxt-${id}`;
const [hostEnd, farEnd] = [`mbxt${id}a`, `mbxt${id}b`];
/** A table of routes of its own, so that the host's own way to these addresses stays what it was. */
const routes = String(10_000 + (parseInt(id, 16) % 10_000));

/** All are addresses of one machine that the test makes, in a network namespace: no packet leaves this host. */
const PUBLIC = "198.51.100.10";
const METADATA = "169.254.169.254";
const ALIBABA_METADATA = "100.100.100.200";
const PRIVATE = "10.255.77.2";
const PRIVATE_NEIGHBOUR = "10.255.78.2";
const HOST_END = "198.51.100.1";

const strict: EgressPolicy = { allowPrivate: false, allow: [], dns: [], maxConnections: 64 };
const cleanup = new Cleanup();
let probes: string;
let hostPort: number;
let gateway: string;

const IP = "ip";

async function ip(...args: string[]): Promise<string> {
  return (await execute(IP, args)).stdout;
}

async function makeFarMachine(): Promise<void> {
  await ip("netns", "add", namespace);
  await cleanup.add("namespace", () => ip("netns", "delete", namespace).then(() => undefined));
  await ip("link", "add", hostEnd, "type", "veth", "peer", "name", farEnd, "netns", namespace);
  await ip("address", "add", `${HOST_END}/32`, "dev", hostEnd);
  await ip("link", "set", hostEnd, "up");
  await ip("-n", namespace, "link", "set", "lo", "up");
  await ip("-n", namespace, "link", "set", farEnd, "up");
  await ip("-n", namespace, "route", "add", HOST_END, "dev", farEnd);
  await ip("-n", namespace, "route", "add", "default", "via", HOST_END, "dev", farEnd);
  await ip("rule", "add", "iif", bridge, "lookup", routes);
  await cleanup.add("routing rule", () => ip("rule", "delete", "iif", bridge, "lookup", routes).then(() => undefined));
  for (const address of [PUBLIC, METADATA, ALIBABA_METADATA, PRIVATE, PRIVATE_NEIGHBOUR]) {
    await ip("-n", namespace, "address", "add", `${address}/32`, "dev", farEnd);
    await ip("route", "add", address, "dev", hostEnd, "src", HOST_END, "table", routes);
  }
  const udp = [PUBLIC, METADATA, PRIVATE].flatMap((address) => [`udp/53/${address}`, `udp/80/${address}`]);
  const ports = ["tcp/80", "tcp/25", "tcp/53", ...udp];
  const server = spawn(IP, ["netns", "exec", namespace, "python3", `${PROBES}/answer.py`, ...ports], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await cleanup.add("far server", async () => {
    server.kill("SIGKILL");
    await once(server, "close");
  });
  await once(server.stdout, "data");
}

async function makeNetwork(): Promise<void> {
  await callEngine("POST", "/networks/create", {
    Name: network,
    Labels: { matchbox: LABEL },
    // With icc the engine lets containers talk to each other: it is our rules that have to stop them.
    Options: { "com.docker.network.bridge.name": bridge, "com.docker.network.bridge.enable_icc": "true" },
  });
  await cleanup.add("network", async () => {
    await callEngine("DELETE", `/networks/${network}`);
  });
  const found = (await askEngine(`/networks/${network}`)) as {
    IPAM: { Config: { Gateway: string }[] };
  };
  gateway = found.IPAM.Config[0]!.Gateway;
}

async function listenOnHost(): Promise<void> {
  const server = createServer((socket) => socket.on("error", () => undefined).end("here"));
  server.listen(0, "0.0.0.0");
  await once(server, "listening");
  await cleanup.add("host server", () => void server.close());
  const address = server.address();
  hostPort = typeof address === "object" && address !== null ? address.port : 0;
}

/** What a container on the bridge can reach. */
async function reach(targets: readonly string[]): Promise<Record<string, string>> {
  const { output } = await runContainer({
    command: ["python3", "/probes/connect.py", ...targets],
    label: LABEL,
    hostConfig: { NetworkMode: network, Binds: [`${probes}:/probes:ro`] },
  });
  return reachedIn(output);
}

async function addressOf(container: string): Promise<string> {
  const found = (await askEngine(`/containers/${container}/json`)) as {
    NetworkSettings: { Networks: Record<string, { IPAddress: string }> };
  };
  return found.NetworkSettings.Networks[network]!.IPAddress;
}

const install = (change: Partial<EgressPolicy> = {}): Promise<EgressRules> =>
  EgressRules.install({ interfaceName: bridge, policy: { ...strict, ...change }, signal });

async function childrenOf(pid: number): Promise<string[]> {
  const tasks = await readdir(`/proc/${pid}/task`);
  const lists = await Promise.all(
    tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, "utf8").catch(() => "")),
  );
  return lists.flatMap((list) => list.split(" ").filter((child) => child !== ""));
}

async function isAlive(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return status !== "" && !/\) [ZX] /.test(status);
}

async function rulesOnHost(): Promise<string> {
  const saved = await Promise.all([execute("iptables-save"), execute("ip6tables-save")]);
  return saved.map(({ stdout }) => stdout).join("");
}

beforeAll(async () => {
  probes = await mkdtemp(path.join(tmpdir(), "matchbox-egress-"));
  await cleanup.add("probes", () => rm(probes, { recursive: true, force: true }));
  await copyFile(`${PROBES}/connect.py`, `${probes}/connect.py`);
  await copyFile(`${PROBES}/answer.py`, `${probes}/answer.py`);
  await chmod(probes, 0o755);
  await makeNetwork();
  await makeFarMachine();
  await listenOnHost();
});

afterAll(async () => {
  await cleanup.run();
  expect(await countContainers(LABEL)).toBe(0);
  const left = [await rulesOnHost(), await ip("link"), await ip("netns")];
  for (const name of [bridge, bridge.slice(3), namespace, hostEnd]) expect(left.join("")).not.toContain(name);
});

describe.skipIf(process.getuid?.() !== 0)("a sandbox with a network (needs root)", () => {
  const far = [PUBLIC, METADATA, ALIBABA_METADATA, PRIVATE].map((address) => `tcp/${address}/80`);

  it("reaches everything as long as there are no rules", async () => {
    const targets = [...far, `tcp/${PUBLIC}/25`, `udp/${PRIVATE}/80`, `udp/${METADATA}/53`, ...hostTargets()];
    expect(await reach(targets)).toEqual(everyTarget("here", targets));
  });

  it("reaches public addresses with rules, by TCP and UDP", async () => {
    await using rules = await install();
    expect(await rules.verify({ signal })).toBe(true);
    const targets = [`tcp/${PUBLIC}/80`, `udp/${PUBLIC}/53`];
    expect(await reach(targets)).toEqual(everyTarget("here", targets));
  });

  it("does not reach metadata services, private addresses or mail servers, and hears so at once", async () => {
    await using rules = await install();
    expect(await rules.verify({ signal })).toBe(true);
    const targets = [METADATA, ALIBABA_METADATA, PRIVATE].map((address) => `tcp/${address}/80`);
    targets.push(`tcp/${PUBLIC}/25`);
    expect(await reach(targets)).toEqual(everyTarget("ECONNREFUSED", targets));
    // The kernel sends few ICMP errors a second, so UDP may hear nothing.
    for (const outcome of Object.values(await reach([`udp/${PRIVATE}/80`, `udp/${METADATA}/53`]))) {
      expect(["EHOSTUNREACH", "silence"]).toContain(outcome);
    }
  });

  it("does not reach the host, at the bridge's gateway or any address it has", async () => {
    await using rules = await install({ allowPrivate: true, allow: ["0.0.0.0/0"] });
    expect(await rules.verify({ signal })).toBe(true);
    const targets = hostTargets();
    expect(targets.length).toBeGreaterThanOrEqual(2);
    expect(await reach(targets)).toEqual(everyTarget("ECONNREFUSED", targets));
  });

  it("does not reach metadata services whatever the policy allows", async () => {
    await using rules = await install({ allowPrivate: true, allow: [METADATA, "0.0.0.0/0"] });
    expect(await rules.verify({ signal })).toBe(true);
    const targets = [METADATA, ALIBABA_METADATA].map((address) => `tcp/${address}/80`);
    expect(await reach(targets)).toEqual(everyTarget("ECONNREFUSED", targets));
  });

  it("reaches the private network that the policy allows, and not its neighbour", async () => {
    await using rules = await install({ allow: ["10.255.77.0/24"] });
    expect(await rules.verify({ signal })).toBe(true);
    expect(await reach([`tcp/${PRIVATE}/80`, `tcp/${PRIVATE_NEIGHBOUR}/80`])).toEqual({
      [`tcp/${PRIVATE}/80`]: "here",
      [`tcp/${PRIVATE_NEIGHBOUR}/80`]: "ECONNREFUSED",
    });
  });

  it("reaches a private resolver's port 53 and no other, and the engine's resolver passes questions on through it", async () => {
    await using rules = await install({ dns: [PRIVATE] });
    expect(await rules.verify({ signal })).toBe(true);
    const direct = [`udp/${PRIVATE}/53`, `tcp/${PRIVATE}/53`];
    expect(await reach([...direct, `tcp/${PRIVATE}/80`])).toEqual({
      ...everyTarget("here", direct),
      [`tcp/${PRIVATE}/80`]: "ECONNREFUSED",
    });
    const counted = async (): Promise<number> => {
      const { stdout } = await execute("iptables", ["-w", "5", "-nvxL", chainNames(bridge).forward]);
      return Number(new RegExp(`^\\s*(\\d+).*${PRIVATE}\\s+udp dpt:53`, "m").exec(stdout)?.[1] ?? NaN);
    };
    const before = await counted();
    await runContainer({
      command: ["python3", "-c", "import socket; socket.gethostbyname('name.test')"],
      label: LABEL,
      hostConfig: { NetworkMode: network, Dns: [PRIVATE], DnsOptions: ["timeout:1", "attempts:1"] },
    });
    expect(await counted()).toBeGreaterThan(before);
  });

  it("cannot connect to another sandbox, which it can without rules", async () => {
    await using neighbour = await startContainer({
      command: ["python3", "/probes/answer.py", "tcp/8080", "udp/8080"],
      label: LABEL,
      hostConfig: { NetworkMode: network, Binds: [`${probes}:/probes:ro`] },
    });
    const address = await addressOf(neighbour.id);
    const targets = [`tcp/${address}/8080`, `udp/${address}/8080`];
    await expect.poll(() => reach(targets), { timeout: 20_000 }).toEqual(everyTarget("here", targets));
    {
      await using rules = await install({ allowPrivate: true, allow: ["0.0.0.0/0"] });
      expect(await rules.verify({ signal })).toBe(true);
      expect(await reach(targets)).toEqual(everyTarget("silence", targets));
    }
    expect(await reach(targets)).toEqual(everyTarget("here", targets));
  });

  it("is not reached from elsewhere: what comes for it meets our own rule, not only the engine's", async () => {
    await using rules = await install();
    await using sandbox = await startContainer({
      command: ["python3", "/probes/answer.py", "tcp/8080"],
      label: LABEL,
      hostConfig: { NetworkMode: network, Binds: [`${probes}:/probes:ro`] },
    });
    const target = `tcp/${await addressOf(sandbox.id)}/8080`;
    const fromFar = await ip("netns", "exec", namespace, "python3", `${PROBES}/connect.py`, target);
    expect(fromFar).toBe(`${target}\tsilence\n`);
    const { stdout } = await execute("iptables", ["-w", "5", "-nvxL", chainNames(bridge).forward]);
    const dropped = new RegExp(`^\\s*(\\d+)\\s.*DROP.*\\*\\s+${bridge}\\s`, "m").exec(stdout)?.[1];
    expect(Number(dropped)).toBeGreaterThan(0);
    expect(await rules.verify({ signal })).toBe(true);
  });

  it("may not have more connections than the policy says", async () => {
    await using rules = await install({ maxConnections: 5 });
    expect(await rules.verify({ signal })).toBe(true);
    const script =
      "import socket\nopened = []\n" +
      "for _ in range(12):\n" +
      "  s = socket.socket(); s.settimeout(0.3)\n" +
      `  if s.connect_ex(('${PUBLIC}', 80)) == 0: opened.append(s)\n` +
      "print(len(opened))";
    const { output } = await runContainer({
      command: ["python3", "-c", script],
      label: LABEL,
      hostConfig: { NetworkMode: network },
    });
    expect(Number(output)).toBe(5);
    expect(await reach([`tcp/${PUBLIC}/80`])).toEqual({ [`tcp/${PUBLIC}/80`]: "here" });
  });

  it("has no IPv6", async () => {
    const { output } = await runContainer({
      command: ["sh", "-c", "cat /proc/net/if_inet6; echo read"],
      label: LABEL,
      hostConfig: { NetworkMode: network },
    });
    expect(output).toBe("read\n");
  });

  /** The host by its gateway, its end of the far machine's wire, and the first other address it has. */
  function hostTargets(): string[] {
    const own = Object.entries(networkInterfaces())
      .filter(([name]) => !/^(lo$|docker|br-|mbx|veth)/.test(name))
      .flatMap(([, addresses]) => addresses ?? [])
      .filter((address) => address.family === "IPv4" && !address.address.startsWith("169.254."));
    return [gateway, HOST_END, ...own.slice(0, 1).map(({ address }) => address)].map(
      (address) => `tcp/${address}/${hostPort}`,
    );
  }
});

describe.skipIf(process.getuid?.() !== 0)("the rules of a bridge (need root)", () => {
  it("notice what undoes them, and come back", async () => {
    await using rules = await install();
    expect(await rules.verify({ signal })).toBe(true);
    const { forward, input } = chainNames(bridge);
    const undone: string[][] = [
      ["-D", "DOCKER-USER", "-i", bridge, "-j", forward],
      ["-D", "INPUT", "-i", bridge, "-j", input],
      ["-F", forward],
      ["-I", input, "1", "-j", "RETURN"],
      ["-I", "INPUT", "1", "-i", bridge, "-p", "tcp", "-j", "ACCEPT"],
      ["-I", "FORWARD", "1", "-i", bridge, "-j", "ACCEPT"],
    ];
    for (const change of undone) {
      await execute("iptables", ["-w", "5", ...change]);
      try {
        expect(await rules.verify({ signal }), change.join(" ")).toBe(false);
        await rules.reassert({ signal });
        expect(await rules.verify({ signal }), change.join(" ")).toBe(true);
      } finally {
        if (change.includes("ACCEPT")) {
          await execute("iptables", ["-w", "5", "-D", change[1]!, ...change.slice(3)]);
        }
      }
    }
    const targets = [`tcp/${PUBLIC}/80`, `tcp/${METADATA}/80`];
    expect(await reach(targets)).toEqual({ [targets[0]!]: "here", [targets[1]!]: "ECONNREFUSED" });
  });

  it("hold all the time while they are put in place anew", async () => {
    await using rules = await install();
    const loop = { done: false };
    const again = (async () => {
      while (!loop.done) await rules.reassert({ signal });
    })();
    const script =
      "import socket, time\nend = time.time() + 2\nreached = tried = 0\n" +
      "while time.time() < end:\n" +
      "  s = socket.socket(); s.settimeout(0.2); tried += 1\n" +
      `  reached += s.connect_ex(('${PRIVATE}', 80)) == 0\n` +
      "  s.close()\nprint(tried > 5, reached)";
    const { output } = await runContainer({
      command: ["python3", "-c", script],
      label: LABEL,
      hostConfig: { NetworkMode: network },
    });
    loop.done = true;
    await again;
    expect(output).toBe("True 0\n");
  });

  it("take the place of an earlier daemon's, and leave nothing", async () => {
    await install({ allow: [PRIVATE] });
    const rules = await install();
    const saved = await rulesOnHost();
    const lines = saved.split("\n");
    // Other daemons' rules are none of this test's business.
    expect(lines.filter((line) => line.includes(bridge.slice(3)) && line.includes(PRIVATE))).toEqual([]);
    const jumps = lines.filter((line) => line.startsWith(`-A INPUT -i ${bridge} `));
    expect(jumps).toHaveLength(2); // one for each address family
    await rules[Symbol.asyncDispose]();
    // The engine's own rules for the bridge stay until the network goes.
    expect(await rulesOnHost()).not.toMatch(new RegExp(`MBX-.-${bridge.slice(3)}`));
  });

  it("are read, and their changes told, by processes that do not outlive who asked", async () => {
    const before = new Set(await childrenOf(process.pid));
    const ours = async (): Promise<string[]> => (await childrenOf(process.pid)).filter((pid) => !before.has(pid));
    const rules = await install();
    const [reader] = await ours();
    const heard = { changes: 0, ends: 0 };
    using monitor = rules.monitor({ onChange: () => (heard.changes += 1), onEnd: () => (heard.ends += 1) });
    const shell = (await ours()).find((pid) => pid !== reader)!;
    await expect.poll(() => childrenOf(Number(shell)), { timeout: 10_000 }).toHaveLength(1);
    const [listener] = await childrenOf(Number(shell));
    await expect
      .poll(
        async () => {
          await rules.reassert({ signal });
          return heard.changes;
        },
        { timeout: 10_000 },
      )
      .toBeGreaterThan(0);
    // Another takes its place.
    process.kill(Number(reader), "SIGKILL");
    await expect.poll(() => rules.verify({ signal }).catch(() => false), { timeout: 10_000 }).toBe(true);
    expect(await ours()).not.toContain(reader);
    monitor[Symbol.dispose]();
    await rules[Symbol.asyncDispose]();
    await expect.poll(ours, { timeout: 10_000 }).toEqual([]);
    expect(await isAlive(Number(listener))).toBe(false);
    expect(heard.ends).toBe(0);
  });

  it("are refused for a bridge that is not on this machine", async () => {
    const interfaceName = egressInterface(`nowhere-${id}`);
    await expect(EgressRules.install({ interfaceName, policy: strict, signal })).rejects.toMatchObject({
      code: "egress_unavailable",
      message: expect.stringContaining("not on this machine") as string,
    });
  });
});
