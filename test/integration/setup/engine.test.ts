import { execFile, spawn, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import Docker from "dockerode";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { ImageApi } from "../../../src/setup/docker-api.js";
import { ensureEngine, type EngineLocations } from "../../../src/setup/engine.js";
import { clearLeftovers, findDockerd, findLeftoverProcesses, listProcesses } from "../../../src/setup/leftovers.js";
import { findProgram } from "../../../src/setup/process.js";
import { SILENT } from "../../../src/setup/step.js";

const run = promisify(execFile);

/**
 * A bridge of the second engine's own. Not `--bridge=none`: an engine that starts without a bridge takes docker0 away,
 * and that one belongs to the machine's engine.
 */
const BRIDGE = `mbt${process.pid}`;
const NETWORK_ARGUMENTS = [`--bridge=${BRIDGE}`, "--iptables=false", "--ip-masq=false"];
const IMAGE = "waits:1";
const canRun = process.getuid?.() === 0 && (await findProgram("dockerd")) !== undefined;

/** These tests run an engine of their own, in a folder of their own, and leave the machine's engine alone. */
describe.skipIf(!canRun)("ensureEngine", { timeout: 30_000 }, () => {
  let folder: string;
  let locations: EngineLocations;
  const bystanders: ChildProcess[] = [];

  const ensure = async (deadlineMs = 20_000): Promise<string> => {
    let note = "";
    await ensureEngine({
      progress: { ...SILENT, note: (text) => (note = text) },
      dockerHost: "",
      locations,
      deadlineMs,
    });
    return note;
  };
  const docker = () => new Docker({ socketPath: locations.socketPath });

  /** Starts the container that waits for ever and returns the process that waits. */
  async function startContainer(): Promise<number> {
    const container = await docker().createContainer({ Image: IMAGE, HostConfig: { NetworkMode: "none" } });
    await container.start();
    return (await container.inspect()).State.Pid;
  }

  async function engineProcesses(): Promise<{ dockerd: number; containerd: number; shims: number[] }> {
    const dockerd = await findDockerd(locations);
    const others = await findLeftoverProcesses(locations, await listProcesses());
    const named = (name: string) => others.filter((entry) => path.basename(entry.args[0] ?? "").startsWith(name));
    return {
      dockerd: dockerd!.pid,
      containerd: named("containerd").find((entry) => !named("containerd-shim").includes(entry))!.pid,
      shims: named("containerd-shim").map((entry) => entry.pid),
    };
  }

  async function kill(...pids: number[]): Promise<void> {
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await expect.poll(() => pids.filter(isAlive), { timeout: 5000 }).toEqual([]);
  }

  beforeAll(async () => {
    folder = await mkdtemp("/tmp/matchbox-engine-");
    locations = {
      socketPath: path.join(folder, "docker.sock"),
      dataRoot: path.join(folder, "data"),
      execRoot: path.join(folder, "exec"),
      pidFile: path.join(folder, "docker.pid"),
      configFile: path.join(folder, "daemon.json"),
      logFile: path.join(folder, "log", "dockerd.log"),
      systemContainerdSocket: path.join(folder, "system-containerd.sock"),
      extraArguments: NETWORK_ARGUMENTS,
    };
    await run("ip", ["link", "add", BRIDGE, "type", "bridge"]);
    await writeFile(locations.configFile, "{}");
    await ensure();
    await importWaitingImage(folder, locations);
  });

  afterEach(() => {
    for (const bystander of bystanders.splice(0)) bystander.kill("SIGKILL");
  });

  afterAll(async () => {
    const dockerd = await findDockerd(locations);
    if (dockerd !== undefined) process.kill(dockerd.pid, "SIGKILL");
    await vi.waitFor(async () => expect(await findDockerd(locations)).toBeUndefined(), { timeout: 20_000 });
    await clearLeftovers(locations);
    await unmountBelow(folder);
    await run("ip", ["link", "delete", BRIDGE]);
    await rm(folder, { recursive: true });
  });

  it("uses an engine that answers as it is", async () => {
    const { dockerd } = await engineProcesses();
    expect(await ensure()).toMatch(/^answers, API 1\.\d+$/);
    expect((await engineProcesses()).dockerd).toBe(dockerd);
  });

  it("starts an engine in a session of its own", async () => {
    const { dockerd } = await engineProcesses();
    const fields = (await readFile(`/proc/${dockerd}/stat`, "utf8")).split(") ")[1]!.split(" ");
    const [, , processGroup, session] = fields;
    expect([processGroup, session]).toEqual([String(dockerd), String(dockerd)]);
  });

  it("comes back after dockerd was killed while a container runs", async () => {
    const waiting = await startContainer();
    const before = await engineProcesses();
    await kill(before.dockerd);
    expect(isAlive(waiting)).toBe(true);
    expect(await ensure()).toContain("ended what was left");
    expect([before.containerd, ...before.shims, waiting].filter(isAlive)).toEqual([]);
    expect(isAlive(await startContainer())).toBe(true);
  });

  it("comes back after dockerd and containerd were killed while shims live", async () => {
    const waiting = await startContainer();
    const before = await engineProcesses();
    await kill(before.dockerd, before.containerd);
    expect(await ensure()).toContain("ended what was left");
    expect([...before.shims, waiting].filter(isAlive)).toEqual([]);
    expect(isAlive(await startContainer())).toBe(true);
  });

  it("comes back after everything but the containers was killed", async () => {
    const waiting = await startContainer();
    const before = await engineProcesses();
    await kill(before.dockerd, before.containerd, ...before.shims);
    expect(isAlive(waiting)).toBe(true);
    await ensure();
    expect(isAlive(waiting)).toBe(false);
    const [old] = await docker().listContainers({ all: true });
    await docker().getContainer(old!.Id).start();
    expect(isAlive((await docker().getContainer(old!.Id).inspect()).State.Pid)).toBe(true);
  });

  it("ends a containerd that outlived its dockerd and hangs", async () => {
    const { dockerd, containerd } = await engineProcesses();
    await kill(dockerd, containerd);
    const survivor = spawn("containerd", ["--config", path.join(locations.execRoot, "containerd", "containerd.toml")]);
    bystanders.push(survivor);
    await sleep(300);
    await writeFile(path.join(locations.execRoot, "containerd", "containerd.pid"), String(survivor.pid));
    survivor.kill("SIGSTOP");
    expect(await ensure()).toContain("ended what was left");
    expect(isAlive(survivor.pid!)).toBe(false);
    expect(isAlive(await startContainer())).toBe(true);
  });

  it("comes back when the pid files name another program, and leaves that alone", async () => {
    await startContainer();
    const before = await engineProcesses();
    await kill(before.dockerd, before.containerd, ...before.shims);
    const bystander = spawn("sleep", ["60"]);
    bystanders.push(bystander);
    await writeFile(locations.pidFile, String(bystander.pid));
    await writeFile(path.join(locations.execRoot, "containerd", "containerd.pid"), String(bystander.pid));
    await ensure();
    expect(isAlive(await startContainer())).toBe(true);
    expect(isAlive(bystander.pid!)).toBe(true);
  });

  it("removes sockets on which nobody listens", async () => {
    const before = await engineProcesses();
    await kill(before.dockerd, before.containerd);
    expect(existsSync(locations.socketPath)).toBe(true);
    await leaveStaleSocket(locations.systemContainerdSocket);
    expect(await ensure()).toContain("removed a stale socket, system-containerd.sock");
    expect(isAlive(await startContainer())).toBe(true);
  });

  it("leaves containers alone where the engine is configured for live-restore", async () => {
    const before = await engineProcesses();
    await kill(before.dockerd);
    await writeFile(locations.configFile, JSON.stringify({ "live-restore": true }));
    await ensure();
    const waiting = await startContainer();
    await kill((await engineProcesses()).dockerd);
    await ensure();
    expect(isAlive(waiting)).toBe(true);
    await kill((await engineProcesses()).dockerd);
    await writeFile(locations.configFile, "{}");
    await ensure();
    expect(isAlive(waiting)).toBe(false);
  });

  it("starts one engine when two set-ups run at once", async () => {
    const before = await engineProcesses();
    await kill(before.dockerd, before.containerd);
    await Promise.all([ensure(), ensure()]);
    const all = await listProcesses();
    expect(all.filter((entry) => entry.args.includes(`--exec-root=${locations.execRoot}`))).toHaveLength(1);
    expect(isAlive(await startContainer())).toBe(true);
  });

  it("reports an engine that hangs, and does not kill it", async () => {
    const { dockerd } = await engineProcesses();
    process.kill(dockerd, "SIGSTOP");
    try {
      await expect(ensure(500)).rejects.toThrow(new RegExp(`dockerd runs as process ${dockerd}`));
    } finally {
      process.kill(dockerd, "SIGCONT");
    }
    expect(await ensure()).toMatch(/^answers/);
  });

  it("reports something that takes connections and never answers", async () => {
    const socketPath = path.join(folder, "mute.sock");
    const server = net.createServer(() => undefined).listen(socketPath);
    const nowhere = { ...locations, socketPath, execRoot: path.join(folder, "nowhere") };
    await expect(
      ensureEngine({ progress: SILENT, dockerHost: "", locations: nowhere, deadlineMs: 500 }),
    ).rejects.toThrow("is no engine that works: no answer within");
    expect(server.listening).toBe(true);
    server.close();
  });

  it("never starts an engine that DOCKER_HOST names", async () => {
    const dockerHost = `unix://${folder}/absent.sock`;
    await expect(ensureEngine({ progress: SILENT, dockerHost, locations })).rejects.toThrow(
      `No engine answers at DOCKER_HOST=${dockerHost}`,
    );
  });

  it("shows the end of the log when the engine does not start", async () => {
    const second = path.join(folder, "second");
    await mkdir(second);
    const broken = {
      ...locations,
      socketPath: path.join(second, "docker.sock"),
      dataRoot: path.join(second, "data"),
      execRoot: path.join(second, "exec"),
      pidFile: path.join(second, "docker.pid"),
      logFile: path.join(second, "dockerd.log"),
      extraArguments: ["--storage-driver=no-such-driver", ...NETWORK_ARGUMENTS],
    };
    const failing = ensureEngine({ progress: SILENT, dockerHost: "", locations: broken, deadlineMs: 20_000 });
    await expect(failing).rejects.toThrow(/dockerd ended as it started \(exit code 1\)[^]*no-such-driver/);
    await unmountBelow(second);
    await rm(second, { recursive: true });
  });
});

/** Whether a process runs; a zombie, which waits for its parent only, does not. */
function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** An image of one static program that waits for ever. */
async function importWaitingImage(folder: string, locations: EngineLocations): Promise<void> {
  const root = path.join(folder, "root");
  await mkdir(root);
  await writeFile(path.join(folder, "waits.c"), "#include <unistd.h>\nint main(void) { for (;;) pause(); }\n");
  await run("gcc", ["-static", "-Os", "-o", path.join(root, "waits"), path.join(folder, "waits.c")]);
  const archive = spawn("tar", ["-C", root, "-c", "."], { stdio: ["ignore", "pipe", "inherit"] });
  const images = new ImageApi({ kind: "socket", socketPath: locations.socketPath });
  await images.import(archive.stdout, "waits-files:1", {});
  await writeFile(path.join(root, "Dockerfile"), 'FROM waits-files:1 AS waits\nCMD ["/waits"]\n');
  await images.build({
    tag: IMAGE,
    target: "waits",
    folder: root,
    files: ["Dockerfile"],
    buildArguments: {},
    useCache: true,
  });
}

/** A socket file as a killed process leaves it. */
async function leaveStaleSocket(socketPath: string): Promise<void> {
  const program = `require("net").createServer().listen(${JSON.stringify(socketPath)})`;
  const child = spawn(process.execPath, ["-e", program]);
  await expect.poll(() => existsSync(socketPath), { timeout: 5000 }).toBe(true);
  child.kill("SIGKILL");
  await sleep(100);
}

/** What a killed engine mounted stays mounted, and the folder cannot be removed before. */
async function unmountBelow(folder: string): Promise<void> {
  const mounts = (await readFile("/proc/mounts", "utf8")).split("\n").map((line) => line.split(" ")[1] ?? "");
  for (const mount of mounts.filter((where) => where.startsWith(`${folder}/`)).reverse()) {
    await run("umount", ["-l", mount]);
  }
}
