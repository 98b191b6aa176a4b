import { execFile } from "node:child_process";
import { chmod, copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PROBES } from "../support/probes.js";
import { countContainers, runContainer } from "../support/probes/engine.js";

const LABEL = "test-seccomp";
const { EPERM, EACCES, ENOSYS, EINVAL, EALREADY, EAFNOSUPPORT, EPROTONOSUPPORT, EOPNOTSUPP } = constants.errno;
/** Node does not know it; the same on every architecture that the profile is for. */
const ESOCKTNOSUPPORT = 94;
/** What a socket that is refused answers. */
const SOCKET_WORDS = [EACCES, EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT].map((word) => `errno ${word}`);
const { SIGSYS, SIGSEGV } = constants.signals;

/** Probes announce their own end, so that one that was cut short does not look like one that found nothing. */
const END = "end";
const READS_AS_NOT_THERE = ["clone3", "statmount", "listmount"];
/** Root, with what mounting, tracing, loading, rebooting, setting clocks and raw sockets ask for; in force on 20.10 as well. */
const POWERFUL = [
  ..."SYS_ADMIN SYS_MODULE SYS_BOOT SYS_TIME SYS_RAWIO SYS_PTRACE SYS_PACCT SYS_CHROOT SYS_NICE SYS_TTY_CONFIG".split(
    " ",
  ),
  ..."NET_ADMIN NET_RAW SYSLOG DAC_READ_SEARCH MKNOD".split(" "),
];

let folder: string;
let profile: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "matchbox-seccomp-"));
  profile = await readFile(path.join(import.meta.dirname, "../../sandbox/seccomp.json"), "utf8");
  await promisify(execFile)("gcc", ["-static", "-O1", "-o", `${folder}/syscalls`, `${PROBES}/syscalls.c`]);
  await copyFile(`${PROBES}/everyday.py`, `${folder}/everyday.py`);
  await chmod(folder, 0o755);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  expect(await countContainers(LABEL)).toBe(0);
});

/** Runs a probe with a profile. @returns what it reported of each attempt */
async function probe(
  command: string[],
  seccomp: string,
  powerful = false,
  ulimits: { Name: string; Soft: number; Hard: number }[] = [],
): Promise<Map<string, string>> {
  const { output } = await runContainer({
    command,
    label: LABEL,
    ...(powerful ? { user: "0:0" } : {}),
    hostConfig: {
      Binds: [`${folder}:/probes:ro`],
      SecurityOpt: ["no-new-privileges:true", `seccomp=${seccomp}`],
      Ulimits: ulimits,
      ...(powerful ? { CapAdd: POWERFUL } : {}),
    },
  });
  const lines = output.split("\n").filter((line) => line.includes("\t"));
  return new Map(lines.map((line) => line.split("\t") as [string, string]));
}

function isDenied([name, result]: readonly [string, string]): boolean {
  // A kernel without the i386 entrance ends the program with SIGSEGV.
  if (name.startsWith("int80") && result === `signal ${SIGSEGV}`) return true;
  if (/^socket/.test(name) && SOCKET_WORDS.includes(result)) return true;
  return [`errno ${EPERM}`, `errno ${ENOSYS}`, `signal ${SIGSYS}`].includes(result);
}

const [UNIX, INET, INET6, NETLINK, PACKET] = [1, 2, 10, 16, 17];
const [STREAM, DGRAM, RAW, SEQPACKET, SOCK_PACKET] = [1, 2, 3, 5, 10];

/** What a kernel says of a socket that it does not have, or lets nobody make who has no capabilities. */
function socketWord(family: number, type: number, protocol: number): number {
  switch (family) {
    case UNIX:
      if (protocol > 1) return EPROTONOSUPPORT;
      // Raw ones are datagrams to it.
      return [STREAM, DGRAM, RAW, SEQPACKET].includes(type) ? 0 : ESOCKTNOSUPPORT;
    case INET:
    case INET6:
      if (type === STREAM) return [0, 6].includes(protocol) ? 0 : EPROTONOSUPPORT;
      if (type === DGRAM) return [0, 17].includes(protocol) ? 0 : protocol === 1 ? EACCES : EPROTONOSUPPORT;
      if (type === RAW) return protocol === 0 ? EPROTONOSUPPORT : EPERM;
      return type === SOCK_PACKET ? EPERM : ESOCKTNOSUPPORT;
    case NETLINK:
      if (![DGRAM, RAW].includes(type)) return ESOCKTNOSUPPORT;
      return protocol === 0 ? 0 : EPROTONOSUPPORT;
    case PACKET:
      return EPERM;
    default:
      return EAFNOSUPPORT;
  }
}

describe("what the profile denies", () => {
  it("is denied to the sandbox's user, by every number and every entrance", async () => {
    const found = await probe(["/probes/syscalls", "denied"], profile);
    expect(found.get(END)).toBe("ok");
    found.delete(END);
    expect([...found].filter((attempt) => !isDenied(attempt))).toEqual([]);
    expect(found.size).toBeGreaterThan(400);
    for (const name of READS_AS_NOT_THERE) expect(found.get(name)).toBe(`errno ${ENOSYS}`);
  });

  it("is denied by the profile alone: to root with its capabilities too, where the kernel would have let it through", async () => {
    const filtered = await probe(["/probes/syscalls", "control"], profile, true);
    const free = await probe(["/probes/syscalls", "control"], "unconfined", true);
    expect(free.get(END)).toBe("ok");
    expect([...filtered.keys()]).toEqual([...free.keys()]);
    filtered.delete(END);
    expect([...filtered].filter((attempt) => !isDenied(attempt))).toEqual([]);

    const inKernel = [...free].filter(
      ([name, result]) => name !== END && result !== `errno ${ENOSYS}` && result !== `signal ${SIGSEGV}`,
    );
    expect(inKernel.length).toBeGreaterThan(80);
    expect(inKernel.filter(isDenied)).toEqual([]);
  });

  it("is denied in the kernel's own words, where it is a socket: programs fall back on these only", async () => {
    const found = await probe(["/probes/syscalls", "words"], profile);
    expect(found.get(END)).toBe("ok");
    found.delete(END);
    const unexpected = [...found].flatMap(([name, result]) => {
      const [call = "", ...numbers] = name.split(" ");
      const [family = NaN, type = NaN, protocol = NaN] = numbers.map(Number);
      const word = socketWord(family, type, protocol);
      const isNoPair = call === "socketpair" && word === 0 && family !== UNIX;
      const expected = isNoPair ? EOPNOTSUPP : word;
      return result === (expected === 0 ? "ok" : `errno ${expected}`) ? [] : [[name, result, expected]];
    });
    expect(unexpected).toEqual([]);
    expect(found.size).toBe(72 * 11 * 23 * 2);
  });

  it.runIf(process.arch === "x64")("is denied at the i386 entrance even where the native call is allowed", async () => {
    const filtered = await probe(["/probes/syscalls", "denied"], profile);
    const free = await probe(["/probes/syscalls", "control"], "unconfined", true);
    expect(["ok", `signal ${SIGSEGV}`]).toContain(free.get("int80 getpid"));
    expect(filtered.get("int80 getpid")).toMatch(/^signal/);
    expect(filtered.get("x32 39")).toMatch(/^(signal|errno)/);
  });
});

describe("what the profile allows", () => {
  it("lets programs set their limits, but for core dumps, where it succeeds and does nothing: no crash handler on the host", async () => {
    const found = await probe(["/probes/syscalls", "limits"], profile, false, [{ Name: "core", Soft: 1, Hard: 1 }]);
    expect(found.get(END)).toBe("ok");
    found.delete(END);
    const [core, nice, realTime] = [4, 13, 14];
    for (const [name, result] of found) {
      const limit = Number(/\d+/.exec(name.slice(name.indexOf("(")))?.[0]);
      if (limit === core) expect([name, result]).toEqual([name, `errno ${EALREADY}`]);
      // These are 0, and cannot be lower.
      else if (limit === nice || limit === realTime) expect(["ok", `errno ${EINVAL}`]).toContain(result);
      else expect([name, result]).toEqual([name, "ok"]);
    }
    // Sixteen limits, by the old call and the new, with and without bits that the kernel ignores.
    expect(found.size).toBe(64);
  });

  it("works at the level of system calls", async () => {
    const found = await probe(["/probes/syscalls", "allowed"], profile);
    expect(found.get(END)).toBe("ok");
    expect([...found].filter(([, result]) => result !== "ok")).toEqual([]);
    expect(found.size).toBeGreaterThan(25);
  });

  it("is enough for threads, processes, sockets, files, databases, timers and terminals of Python", async () => {
    const found = await probe(["python3", "/probes/everyday.py"], profile);
    expect([...found].filter(([, result]) => result !== "ok")).toEqual([]);
    expect(found.size).toBe(18);
  });

  it("is what a container starts with: mode 2, no new privileges, no capabilities", async () => {
    const { exitCode, output } = await runContainer({
      command: ["cat", "/proc/self/status"],
      label: LABEL,
      hostConfig: { SecurityOpt: ["no-new-privileges:true", `seccomp=${profile}`] },
    });
    expect(exitCode).toBe(0);
    expect(output).toMatch(/^Seccomp:\t2$/m);
    expect(output).toMatch(/^NoNewPrivs:\t1$/m);
    expect(output).toMatch(/^CapEff:\t0+$/m);
  });

  it("is not what a broken profile gives: the engine refuses to make the container", async () => {
    const broken = { command: ["true"], label: LABEL, hostConfig: { SecurityOpt: ["seccomp={"] } };
    await expect(runContainer(broken)).rejects.toThrow(/seccomp/i);
  });
});
