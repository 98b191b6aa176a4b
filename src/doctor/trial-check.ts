import type { LaunchTimings, SandboxSpec } from "../container/runtime.js";
import { fail, ok, type Verdict } from "./check.js";

/** Where a sandbox sees its own limits: cgroup v2 first, then v1. */
export const MEMORY_FILES = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"] as const;
export const SWAP_FILES = [
  "/sys/fs/cgroup/memory.swap.max",
  "/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes",
] as const;
export const CPU_FILES = [
  "/sys/fs/cgroup/cpu.max",
  "/sys/fs/cgroup/cpu/cpu.cfs_quota_us",
  "/sys/fs/cgroup/cpu/cpu.cfs_period_us",
] as const;
export const PIDS_FILES = ["/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max"] as const;
export const STATUS_FILE = "/proc/self/status";

/** What came of one sandbox. */
export type TrialOutcome =
  | { readonly kind: "failed"; readonly spec: SandboxSpec; readonly reason: string }
  /** It waits for a program, and nobody knows one to try it with. */
  | { readonly kind: "waited"; readonly spec: SandboxSpec }
  | {
      readonly kind: "ran";
      readonly spec: SandboxSpec;
      readonly steps: LaunchTimings & { readonly readyMs: number; readonly runMs: number; readonly removeMs: number };
      /** Whether the runner's own pipes were opened, past the engine. */
      readonly isDirect: boolean;
      /** A line for each file that was there: its path, and its words. */
      readonly output: string;
    };

const KIB = 1024;
const MIB = 1024 * KIB;
/** What differs by less is the kernel's rounding, of the quota to whole microseconds. */
const CPU_TOLERANCE = 0.001;

/** What the sandbox saw, held against what its lane asks for. */
export function checkTrial(outcome: TrialOutcome): Verdict {
  const { spec } = outcome;
  if (outcome.kind === "failed")
    return fail(outcome.reason, "What the checks above say comes first; then see the engine's log.");
  if (outcome.kind === "waited")
    return ok(
      "became ready; what it is held to was not read, because there is no telling what its command understands",
    );
  const wrong = differences(outcome.output, spec);
  const { createMs, attachMs, startMs, readyMs, runMs, removeMs } = outcome.steps;
  const times = Object.entries({
    create: createMs,
    attach: attachMs,
    start: startMs,
    ready: readyMs,
    run: runMs,
    remove: removeMs,
  })
    .map(([step, ms]) => `${step} ${Math.round(ms)}`)
    .join(", ");
  const way = outcome.isDirect ? "past the engine" : "through the engine";
  if (wrong.length > 0)
    return fail(
      `${wrong.join("; ")} (${times} ms)`,
      "See the line about limits. A sandbox like this is not held: open no lane.",
    );
  return ok(
    `held to ${spec.memoryBytes / MIB} MiB without swap, ${spec.cpus} cpu, ${spec.pids} pids, seccomp, no capabilities; ` +
      `ran ${way}; ${times} ms`,
  );
}

/** Every limit that the sandbox does not see as it should be; one that it cannot see is not known to be in force. */
function differences(output: string, spec: SandboxSpec): string[] {
  const seen = new Map(
    output.split("\n").map((line) => {
      const [path = "", ...words] = line.split(" ");
      return [path, words] as const;
    }),
  );
  const first = (paths: readonly string[]): string =>
    paths.map((path) => seen.get(path)?.[0]).find((word) => word !== undefined) ?? "unknown";
  const wrong: string[] = [];
  const expect = (what: string, found: string, isRight: boolean): void => {
    if (!isRight) wrong.push(`${what} is ${found}`);
  };

  const memory = first(MEMORY_FILES);
  expect("memory", memory, Number(memory) === spec.memoryBytes);
  const [swapV2, memoryAndSwapV1] = SWAP_FILES.map((path) => seen.get(path)?.[0]);
  if (swapV2 !== undefined) expect("swap", swapV2, swapV2 === "0");
  else expect("memory with swap", memoryAndSwapV1 ?? "unknown", Number(memoryAndSwapV1) === spec.memoryBytes);
  const pids = first(PIDS_FILES);
  expect("pids", pids, Number(pids) === spec.pids);
  const cpus = cpusOf(seen);
  expect("cpu", String(cpus), Math.abs(cpus - spec.cpus) < CPU_TOLERANCE);

  const status = seen.get(STATUS_FILE) ?? [];
  const field = (name: string): string => status[status.indexOf(`${name}:`) + 1] ?? "unknown";
  expect("seccomp mode", field("Seccomp"), field("Seccomp") === "2");
  expect("NoNewPrivs", field("NoNewPrivs"), field("NoNewPrivs") === "1");
  expect("CapBnd", field("CapBnd"), /^0+$/.test(field("CapBnd")));
  return wrong;
}

/** Processors, in fractions; NaN where that is not limited or cannot be seen. */
function cpusOf(seen: ReadonlyMap<string, readonly string[]>): number {
  const [v2, quotaFile, periodFile] = CPU_FILES;
  const [quota, period] = seen.get(v2) ?? [seen.get(quotaFile)?.[0], seen.get(periodFile)?.[0]];
  return Number(quota) < 0 ? NaN : Number(quota) / Number(period);
}
