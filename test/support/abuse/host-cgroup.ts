import { readFile } from "node:fs/promises";
import { askEngine } from "../probes/engine.js";

/** A sandbox's cgroup, read from the host, where no program can reach: version 1, version 2, or both side by side. */
export class HostCgroup {
  /** Paths by controller; the one of version 2 has an empty name. */
  readonly #paths: ReadonlyMap<string, string>;
  /** PID 1 of the sandbox, by its number on the host. */
  readonly pid: number;

  private constructor(pid: number, paths: ReadonlyMap<string, string>) {
    this.pid = pid;
    this.#paths = paths;
  }

  static async of(sandbox: string): Promise<HostCgroup> {
    const { State } = (await askEngine(`/containers/matchbox-${sandbox}/json`)) as { State: { Pid: number } };
    const paths = new Map<string, string>();
    for (const line of (await readFile(`/proc/${State.Pid}/cgroup`, "utf8")).trimEnd().split("\n")) {
      const [, controllers = "", path = ""] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
      for (const name of controllers.split(",")) paths.set(name, `/sys/fs/cgroup/${controllers}${path}`);
    }
    return new HostCgroup(State.Pid, paths);
  }

  /** CPU time of everything that has ever run in it, in ms. */
  async cpuMs(): Promise<number> {
    const usage = await this.#read("cpuacct", "cpuacct.usage", "cpu.stat");
    const microseconds = /usage_usec (\d+)/.exec(usage)?.[1];
    return microseconds === undefined ? Number(usage) / 1e6 : Number(microseconds) / 1e3;
  }

  /** Processes and threads in it. */
  async processes(): Promise<number> {
    return Number(await this.#read("pids", "pids.current", "pids.current"));
  }

  /** Processes and threads that were refused to it, because it had as many as it may. */
  async refusedProcesses(): Promise<number> {
    return Number(/max (\d+)/.exec(await this.#read("pids", "pids.events", "pids.events"))?.[1]);
  }

  /** Bytes that it may have in swap. */
  async swapBytes(): Promise<number> {
    if (!this.#paths.has("memory")) return Number(await this.#read("memory", "", "memory.swap.max"));
    const both = Number(await this.#read("memory", "memory.memsw.limit_in_bytes", ""));
    return both - Number(await this.#read("memory", "memory.limit_in_bytes", ""));
  }

  /** Bytes that it has written to disks. */
  async diskBytes(): Promise<number> {
    const report = await this.#read("blkio", "blkio.throttle.io_service_bytes", "io.stat");
    return [...report.matchAll(/(?:Write |wbytes=)(\d+)/g)].reduce((sum, [, bytes]) => sum + Number(bytes), 0);
  }

  #read(controller: string, version1: string, version2: string): Promise<string> {
    const path = this.#paths.get(controller);
    return readFile(path === undefined ? `${this.#paths.get("") ?? ""}/${version2}` : `${path}/${version1}`, "utf8");
  }
}
