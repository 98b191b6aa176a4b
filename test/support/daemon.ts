import { spawn } from "node:child_process";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { pino } from "pino";
import { systemClock } from "../../src/clock.js";
import { loadConfig } from "../../src/config/load.js";
import type { Config } from "../../src/config/schema.js";
import { Daemon } from "../../src/daemon.js";
import { packageRoot } from "../../src/package-root.js";
import { testImage } from "./probes/engine.js";
import { containersOf, removeNetworkOf, volumesOf } from "./engine-view.js";
import { waitFor } from "./wait.js";

/** The command, as it was built. */
export const CLI = join(packageRoot(), "dist", "src", "cli", "main.js");

/** Small lanes, quick to fill: what a test overrides comes after these. */
const TEST_SETTINGS = [
  "server.listen=127.0.0.1:0",
  "server.shutdownGraceMs=500",
  "engine.retryMinMs=50",
  "engine.retryMaxMs=500",
  "lanes.python.warm=2",
  "lanes.python.maxSandboxes=8",
  "lanes.shell.warm=1",
  "lanes.shell.maxSandboxes=4",
  "lanes.shell.network=none",
];

export interface TestDaemon extends AsyncDisposable {
  readonly daemon: Daemon;
  readonly instance: string;
  readonly url: string;
}

/** An instance that no other test has. */
export function newInstance(): string {
  return `test-${randomBytes(6).toString("hex")}`;
}

/** The configuration of a test's daemon; what the overrides say comes last. */
export async function testConfig(instance: string, overrides: readonly string[] = []): Promise<Config> {
  return loadConfig({ overrides: [...TEST_SETTINGS, `engine.instance=${instance}`, ...overrides] });
}

/** A daemon in this process, on the real engine. Disposing stops it and asserts that none of its containers is left. */
export async function startDaemon(
  overrides: readonly string[] = [],
  options: { settle?: boolean } = {},
): Promise<TestDaemon> {
  const instance = newInstance();
  const daemon = await Daemon.start({
    config: await testConfig(instance, overrides),
    imageOf: testImage,
    clock: systemClock,
    log: pino({ level: "silent" }),
  });
  if (options.settle !== false) await daemon.settled(AbortSignal.timeout(60_000));
  return {
    daemon,
    instance,
    url: `http://${daemon.address}`,
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]();
      const left = await containersOf(instance);
      if (left.length > 0) throw new Error(`${left.length} containers are left after the daemon has stopped`);
      const volumes = await volumesOf(instance);
      if (volumes.length > 0) throw new Error(`${volumes.join(", ")} are left after the daemon has stopped`);
    },
  };
}

export interface DaemonProcess extends AsyncDisposable {
  readonly pid: number;
  readonly url: string;
  readonly instance: string;
  /** Everything it has printed so far. */
  output(): string;
  kill(signal: NodeJS.Signals): void;
  exited(): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** The daemon as a process of its own, as `matchbox serve` starts it. Settles when it listens and its lanes have settled. */
export async function startDaemonProcess(
  overrides: readonly string[] = [],
  instance = newInstance(),
  // A file of the test's own, which then has to say all that differs from the defaults.
  { configPath, descriptors }: { configPath?: string; descriptors?: number } = {},
): Promise<DaemonProcess> {
  const settings = [
    ...(configPath === undefined ? TEST_SETTINGS : ["server.listen=127.0.0.1:0"]),
    `engine.instance=${instance}`,
    ...overrides,
  ].flatMap((setting) => ["--set", setting]);
  if (configPath !== undefined) settings.push("--config", configPath);
  const command = [process.execPath, CLI, "serve", ...settings];
  if (descriptors !== undefined) command.unshift("sh", "-c", `ulimit -n ${descriptors} && exec "$@"`, "sh");
  const [program = "", ...args] = command;
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const exited = once(child, "exit").then(() => ({ code: child.exitCode, signal: child.signalCode }));
  const listening = /Matchbox listens on (http:\/\/\S+)/;
  await Promise.race([
    waitFor(() => listening.test(output), { timeoutMs: 60_000, what: "the daemon to listen" }),
    exited.then(({ code }) => Promise.reject(new Error(`the daemon ended with ${String(code)}: ${output}`))),
  ]);
  return {
    pid: child.pid ?? 0,
    url: listening.exec(output)?.[1] ?? "",
    instance,
    output: () => output,
    kill: (signal) => child.kill(signal),
    exited: () => exited,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGTERM");
        await exited;
      }
      await removeNetworkOf(instance);
    },
  };
}
