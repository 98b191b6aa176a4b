import { type ChildProcess, spawn, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { freePort } from "../../bench/lib/free-port.js";
import { CLI, newInstance, testConfig } from "./daemon.js";
import { containersOf } from "./engine-view.js";
import { waitFor } from "./wait.js";

export interface MuteDaemon extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly url: string;
  readonly instance: string;
  /** Asks it to stop. @returns how it ended; fails when it has not within a time that is generous for what it waits for */
  stop(): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  metric(name: string): Promise<number>;
}

/**
 * A daemon as a process whose stdout and stderr are whatever the test makes of them, so that nothing of what it prints is
 * relied on. Settles when its lanes are ready.
 * @param options.shell a line of shell that begins with the daemon (`"$@"`), for redirections that Node cannot make
 */
export async function startMuteDaemon(
  overrides: readonly string[],
  options: { stdio: StdioOptions; shell?: string; lanesAreReady?: boolean },
): Promise<MuteDaemon> {
  const instance = newInstance();
  const url = `http://127.0.0.1:${await freePort()}`;
  const all = [
    `server.listen=${url.replace("http://", "")}`,
    "server.shutdownGraceMs=500",
    "engine.retryMinMs=50",
    "engine.retryMaxMs=500",
    "lanes.python.warm=2",
    "lanes.python.maxSandboxes=8",
    "lanes.shell.warm=1",
    "lanes.shell.maxSandboxes=4",
    "lanes.shell.network=none",
    `engine.instance=${instance}`,
    ...overrides,
  ];
  await testConfig(instance, overrides);
  const command = [process.execPath, CLI, "serve", ...all.flatMap((setting) => ["--set", setting])];
  const [program = "", ...args] =
    options.shell === undefined ? command : ["/bin/sh", "-c", options.shell, "sh", ...command];
  const child = spawn(program, args, { stdio: options.stdio });
  const exited = once(child, "exit").then(() => ({ code: child.exitCode, signal: child.signalCode }));
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const stop: MuteDaemon["stop"] = async () => {
    child.kill("SIGTERM");
    await waitFor(isOver, { timeoutMs: 20_000, what: "the daemon to end after SIGTERM" });
    return exited;
  };
  const daemon: MuteDaemon = {
    child,
    url,
    instance,
    stop,
    metric: async (name) => {
      const text = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(10_000) })).text();
      return Number(new RegExp(`^${name} (.+)$`, "m").exec(text)?.[1]);
    },
    async [Symbol.asyncDispose]() {
      if (!isOver()) child.kill("SIGKILL");
      await exited;
      await waitFor(async () => (await containersOf(instance)).length === 0, {
        timeoutMs: 15_000,
        what: "the daemon's containers to be gone",
      });
    },
  };
  try {
    await waitFor(
      async () => {
        if (isOver())
          throw new Error(`the daemon ended with ${child.exitCode ?? child.signalCode} before it was ready`);
        const path = options.lanesAreReady === false ? "healthz" : "readyz";
        const answer = await fetch(`${url}/${path}`, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
        return answer?.status === 200;
      },
      { timeoutMs: 60_000, what: "the daemon to be ready" },
    );
  } catch (error) {
    await daemon[Symbol.asyncDispose]();
    throw error;
  }
  return daemon;
}
