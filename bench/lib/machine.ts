import { cpus, loadavg, release, totalmem, type } from "node:os";
import { Engine } from "./engine.js";

/** Where figures come from; nothing that names the machine or its owner. */
export interface MachineFacts {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly engine: string;
  readonly node: string;
  /** Average of the last minute, at the end: far over 0 on an otherwise quiet machine means that it was not quiet. */
  readonly load1: number;
}

export async function machineFacts(): Promise<MachineFacts> {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    memoryGiB: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    kernel: `${type()} ${release()}`,
    engine: (await new Engine().version()) ?? "unknown",
    node: process.versions.node,
    load1: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}
