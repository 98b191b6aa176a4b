import { execFile } from "node:child_process";
import { access, readFile } from "node:fs/promises";
import { EgressError } from "./egress-error.js";

/** The filter table of one address family. */
export interface Firewall {
  /** The table in the words of iptables-save. @throws EgressError */
  read(options: { signal: AbortSignal }): Promise<string>;
  /** Carries out a script of iptables-restore, wholly or not at all. @throws EgressError */
  write(script: string, options: { signal: AbortSignal }): Promise<void>;
}

/** The machine whose packets are filtered. */
export interface EgressHost {
  readonly ipv4: Firewall;
  /** Undefined on a kernel that has no IPv6. */
  readonly ipv6: Firewall | undefined;
  /** Why rules for this bridge would not see its packets, with the fix; undefined when they do. */
  blindSpot(interfaceName: string): Promise<string | undefined>;
}

/** How long iptables waits for another program that changes rules, in seconds. */
const LOCK_WAIT_S = 5;
/** For one call, its wait for the lock included. */
const CALL_DEADLINE_MS = 10_000;
/** A host with tens of thousands of rules writes a few megabytes. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
/** Where these programs are; not the caller's PATH, as they run as root. */
const PROGRAM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin";

const BRIDGE_SWITCH = "/proc/sys/net/bridge/bridge-nf-call-iptables";

/** The machine that this process runs on. */
export async function localHost(): Promise<EgressHost> {
  return {
    ipv4: firewall("iptables"),
    ipv6: (await exists("/proc/net/if_inet6")) ? firewall("ip6tables") : undefined,
    blindSpot,
  };
}

async function blindSpot(interfaceName: string): Promise<string | undefined> {
  // Of this process's own network namespace, which /sys need not be.
  const interfaces = await readFile("/proc/net/dev", "utf8").catch(() => "");
  if (!new RegExp(`^\\s*${interfaceName}:`, "m").test(interfaces)) {
    return (
      `The bridge ${interfaceName} is not on this machine, or not in this network namespace, so its traffic cannot be held. ` +
      "Lanes with a network need the daemon beside its engine, outside of containers."
    );
  }
  const state = await readFile(BRIDGE_SWITCH, "utf8").catch(() => "0");
  if (state.trim() === "1") return undefined;
  return (
    "Traffic from container to container does not pass iptables on this host. " +
    "Switch it on: modprobe br_netfilter && sysctl -w net.bridge.bridge-nf-call-iptables=1"
  );
}

function firewall(program: "iptables" | "ip6tables"): Firewall {
  return {
    read: ({ signal }) => run(`${program}-save`, ["-t", "filter"], { signal }),
    write: async (input, { signal }) => {
      await run(`${program}-restore`, ["-w", String(LOCK_WAIT_S), "--noflush"], { signal, input });
    },
  };
}

/** Runs a program, without a shell, to its end. @returns what it wrote to stdout */
function run(program: string, args: string[], options: { signal: AbortSignal; input?: string }): Promise<string> {
  const { signal, input = "" } = options;
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      {
        signal,
        timeout: CALL_DEADLINE_MS,
        killSignal: "SIGKILL",
        maxBuffer: MAX_OUTPUT_BYTES,
        env: { PATH: PROGRAM_PATH, LC_ALL: "C" },
      },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else if (signal.aborted) reject(signal.reason instanceof Error ? signal.reason : error);
        else reject(new EgressError(explain(program, error, stderr, input), { cause: error }));
      },
    );
    // A program that ends before it has read its input says why on stderr.
    child.stdin?.on("error", () => undefined).end(input);
  });
}

function explain(program: string, error: { code?: unknown; killed?: boolean }, stderr: string, input: string): string {
  if (error.code === "ENOENT") {
    return `${program} is not installed. Lanes with a network stay closed without it. On Debian or Ubuntu: apt-get install iptables`;
  }
  if (error.killed === true)
    return `${program} did not end within ${CALL_DEADLINE_MS} ms. Another program may hold the lock of iptables.`;
  const said = stderr
    .trim()
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .join(" ");
  if (/permission denied|operation not permitted|must be root/i.test(said)) {
    return `${program} may not change the firewall (${said}). Run the daemon as root, or close the lanes with a network.`;
  }
  const line = Number(/line:? (\d+)/.exec(said)?.[1]);
  const rule = input.split("\n")[line - 1];
  return `${program} failed${rule === undefined ? "" : ` at the rule "${rule}"`}: ${said === "" ? "it said nothing" : said}`;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
