import { fail, ok, skip, type Verdict, warn } from "./check.js";
import { type EngineInfo, hasSecurityOption } from "./engine-info.js";

type LimitInfo = Pick<
  EngineInfo,
  "CgroupVersion" | "CgroupDriver" | "MemoryLimit" | "SwapLimit" | "CpuCfsQuota" | "PidsLimit" | "SecurityOptions"
>;

interface Limit {
  readonly key: "MemoryLimit" | "SwapLimit" | "CpuCfsQuota" | "PidsLimit";
  readonly name: string;
  readonly fix: string;
  /** Without it one sandbox can bring the host down, so no lane should be opened. */
  readonly isVital: boolean;
}

const LIMITS: readonly Limit[] = [
  {
    key: "MemoryLimit",
    name: "memory",
    fix: "Memory: add cgroup_enable=memory to the kernel's command line, and restart the machine.",
    isVital: true,
  },
  {
    key: "SwapLimit",
    name: "swap",
    fix: "Swap: add swapaccount=1 to the kernel's command line and restart, or switch swap off (swapoff -a).",
    isVital: false,
  },
  {
    key: "CpuCfsQuota",
    name: "cpu",
    fix: "Processor: a kernel with CONFIG_CFS_BANDWIDTH, and the cpu controller mounted.",
    isVital: true,
  },
  {
    key: "PidsLimit",
    name: "pids",
    fix: "Processes: a kernel with CONFIG_CGROUP_PIDS, and the pids controller mounted.",
    isVital: true,
  },
];

/** Without systemd to ask, an engine of a user gets only those controllers that were handed to the user. */
const DELEGATE =
  "The engine runs as a user: hand the controllers to it with Delegate=cpu cpuset io memory pids in " +
  "/etc/systemd/system/user@.service.d/delegate.conf, then systemctl daemon-reload, and log in again.";

/** Whether the kernel holds sandboxes to their limits, as the engine has found out. */
export function checkLimits(info: LimitInfo): Verdict {
  const where = `cgroup v${info.CgroupVersion}, driver ${info.CgroupDriver}`;
  const isRootless = hasSecurityOption(info, "rootless");
  if (info.CgroupDriver === "none")
    return fail(
      `${where}: no limit at all is in force`,
      isRootless ? DELEGATE : "Start the engine with a cgroup driver.",
    );
  const missing = LIMITS.filter(({ key }) => info[key] === false);
  if (missing.length > 0) {
    const fix = isRootless ? DELEGATE : missing.map((limit) => limit.fix).join("\n");
    const finding = `${where}; not in force: ${missing.map(({ name }) => name).join(", ")}`;
    return missing.some(({ isVital }) => isVital) ? fail(finding, fix) : warn(finding, fix);
  }
  const untold = LIMITS.filter(({ key }) => info[key] === undefined).map(({ name }) => name);
  if (untold.length > 0)
    return warn(
      `${where}; the engine does not say whether it limits ${untold.join(", ")}`,
      "Look: matchbox doctor --deep",
    );
  return ok(`${where}; in force: ${LIMITS.map(({ name }) => name).join(", ")}`);
}

const MIB = 1024 * 1024;

/** What is asked for in a lane, as far as it costs memory. */
export interface LaneSize {
  readonly name: string;
  readonly warm: number;
  readonly maxSandboxes: number;
  readonly memoryMiB: number;
}

/** What an idle sandbox takes without preloaded modules, in MiB: an interpreter, the runner and the container around them. */
const IDLE_MIB = 10;

/** @param hostBytes the memory of the engine's machine; undefined where the engine does not say */
export function checkMemory(lanes: readonly LaneSize[], hostBytes: number | undefined): Verdict {
  const sum = (of: (lane: LaneSize) => number): number => lanes.reduce((total, lane) => total + of(lane), 0);
  const idleMiB = sum(({ warm }) => warm * IDLE_MIB);
  const mostMiB = sum(({ maxSandboxes, memoryMiB }) => maxSandboxes * memoryMiB);
  const stock = `stock about ${gib(idleMiB)}, all sandboxes full ${gib(mostMiB)}`;
  if (hostBytes === undefined) return skip(`${stock}; the engine does not say how much its machine has`);
  const hostMiB = hostBytes / MIB;
  const finding = `${stock}, the machine has ${gib(hostMiB)}`;
  if (idleMiB > hostMiB)
    return fail(finding, `Keep fewer sandboxes ready: warm, ${sum(({ warm }) => warm)} over all lanes.`);
  if (mostMiB <= hostMiB) return ok(finding);
  return warn(finding, smaller(lanes, hostMiB / mostMiB));
}

/** Settings that bring every lane down by the same share, where its stock leaves room for that. */
function smaller(lanes: readonly LaneSize[], share: number): string {
  const wanted = lanes.map((lane) => ({ ...lane, maxSandboxes: Math.floor(lane.maxSandboxes * share) }));
  if (wanted.some(({ warm, maxSandboxes }) => maxSandboxes < Math.max(1, warm)))
    return "Lower maxSandboxes (and warm) or memoryMiB, until maxSandboxes times memoryMiB fits over all lanes.";
  const settings = wanted.map(({ name, maxSandboxes }) => `--set lanes.${name}.maxSandboxes=${maxSandboxes}`);
  return `Lower memoryMiB, or: ${settings.join(" ")}`;
}

function gib(mebibytes: number): string {
  return mebibytes < 1024 ? `${Math.round(mebibytes)} MiB` : `${(mebibytes / 1024).toFixed(1)} GiB`;
}

/** Descriptors that one sandbox takes at most: the engine's stream and both pipes. */
const DESCRIPTORS_OF_SANDBOX = 3;
/** Listener, log, event loop, calls to the engine, the firewall's readers. */
const DESCRIPTORS_OF_DAEMON = 64;

/** @param limit how many files a process started from here may have open; undefined for no limit, or none that is known */
export function checkOpenFiles(
  needs: { maxConnections: number; lanes: readonly Pick<LaneSize, "maxSandboxes">[] },
  limit: number | undefined,
): Verdict {
  const sandboxes = needs.lanes.reduce((total, { maxSandboxes }) => total + maxSandboxes, 0);
  const needed = needs.maxConnections + sandboxes * DESCRIPTORS_OF_SANDBOX + DESCRIPTORS_OF_DAEMON;
  const why = `up to ${needed} needed (${needs.maxConnections} connections, ${sandboxes} sandboxes)`;
  if (limit === undefined) return ok(`no limit; ${why}`);
  if (limit >= needed) return ok(`${limit} may be open; ${why}`);
  return warn(
    `${limit} may be open; ${why}`,
    `Raise it for the daemon: ulimit -Hn ${needed}, or LimitNOFILE=${needed} in its unit. Or lower server.maxConnections.`,
  );
}
