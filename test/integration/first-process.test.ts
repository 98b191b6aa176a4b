import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDaemon, type TestDaemon } from "../support/daemon.js";
import { Peer } from "../support/peer.js";
import { probeText } from "../support/probes.js";
import { countContainers, runContainer } from "../support/probes/engine.js";

const LABEL = "test-first-process";
const RUNTIMES = ["crun", "runc"] as const;

/** May be asked of everybody. */
const ASKING = /^prlimit64\(.*, ask\)/;
/** Is changed for nobody, whether there is such a process or not: that keeps the host's crash handler from starting. */
const RLIMIT_CORE = /^prlimit64\(.*, 4, set\)/;

let daemon: TestDaemon;
let peer: Peer;
let probe: string;
beforeAll(async () => {
  probe = await probeText("by-number.py");
  daemon = await startDaemon([
    "lanes.python.warm=0",
    "lanes.shell.warm=0",
    ...RUNTIMES.map((name) => `lanes.${name}={language: python, warm: 0, ociRuntime: ${name}}`),
  ]);
  peer = await Peer.connect(daemon.url);
});
afterAll(async () => {
  await peer[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
  expect(await countContainers(LABEL)).toBe(0);
});

async function attempts(lane: string, mode: "self" | "first"): Promise<Map<string, string>> {
  const { stdout, stderr, exit } = await peer.run(lane, probe, { args: [mode] });
  expect([stderr, exit?.exitCode]).toEqual(["", 0]);
  const lines = stdout.split("\n").filter((line) => line.includes("\t"));
  const found = new Map(lines.map((line) => line.split("\t") as [string, string]));
  expect(found.get("end")).toBe("ok");
  found.delete("end");
  return found;
}

describe.each(RUNTIMES)("PID 1, under %s", (lane) => {
  it("keeps priority, policy, processors, I/O class, limits, group and cgroup, whatever number it is called by", async () => {
    const found = await attempts(lane, "first");
    expect(found.get("PID 1 is what it was")).toBe("ok");
    found.delete("PID 1 is what it was");
    const asked = [...found].filter(([name]) => ASKING.test(name));
    expect(new Set(asked.map(([, result]) => result))).toEqual(new Set(["ok"]));
    for (const [name] of asked) found.delete(name);

    expect(
      [...found].filter(([, result]) => !["EPERM", "EACCES", "EINVAL", "EROFS", "ESRCH"].includes(result)),
    ).toEqual([]);
    const calls = [...found].filter(([name]) => /^(?:sched_set|setpriority|ioprio_set|prlimit64)/.test(name));
    expect(calls.filter(([, result]) => result !== "EPERM")).toEqual([]);
    expect(calls.length).toBeGreaterThan(90);
    expect(found.size - calls.length).toBeGreaterThan(50);
  });
});

describe.each(RUNTIMES)("a program's own processes, under %s", (lane) => {
  it("may be named by number, as in a plain container: same results, same errors", async () => {
    const { stdout, exit } = await peer.run(lane, probe, { args: ["self"] });
    const plain = await runContainer({
      command: ["python3", "-c", probe, "self"],
      label: LABEL,
      // The limits of a lane, so that the same may be set.
      hostConfig: {
        Runtime: lane,
        Ulimits: Object.entries({ nofile: 1024, core: 1, rtprio: 0, nice: 0, memlock: 65_536 }).map(
          ([Name, limit]) => ({
            Name,
            Soft: limit,
            Hard: limit,
          }),
        ),
      },
    });
    expect(exit?.exitCode).toBe(0);
    const comparable = (output: string) => output.split("\n").filter((line) => !RLIMIT_CORE.test(line));
    expect(comparable(stdout)).toEqual(comparable(plain.output));
    expect(comparable(stdout).length).toBeGreaterThan(300);
    expect(stdout).toContain("sched_setscheduler(its thread, 0)\tok\n");
  });
});

describe("a system call that is newer than the container's filter", () => {
  it.each(RUNTIMES)("does not exist, so that programs fall back on an older one: under %s", async (lane) => {
    const code = [
      "import ctypes, errno",
      "libc = ctypes.CDLL(None, use_errno=True)",
      "def word(number):",
      "    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 6)",
      "    return 'ok' if result >= 0 else errno.errorcode[ctypes.get_errno()]",
      "print({word(number) for number in (471, 500, 511, 600, 1000, 4095, 100_000)})",
      "print([number for number in range(424, 471) if word(number) == 'EPERM'])",
    ].join("\n");
    const { stdout, exit } = await peer.run(lane, code);
    expect(exit?.exitCode).toBe(0);
    // Refused for what they do, and as old as the oldest that makes filters: io_uring, mounts, tracing.
    const refused = [425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 440, 442, 443, 447, 448];
    expect(stdout).toBe(`{'ENOSYS'}\n[${refused.join(", ")}]\n`);
  });
});
