import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LanesReport } from "../../src/protocol/lanes.js";
import { startDaemon, type TestDaemon } from "../support/daemon.js";
import { containerOf, containersOf } from "../support/engine-view.js";
import { Peer } from "../support/peer.js";
import { PROBES, probeText } from "../support/probes.js";
import { askEngine, runContainer } from "../support/probes/engine.js";

const OWN_PROFILE = join(import.meta.dirname, "../../sandbox/seccomp.json");
const isRoot = process.getuid?.() === 0;
const LANES = ["python", "shell"] as const;
const REFUSED = ["EPERM", "EACCES", "EROFS", "ENOENT"];
/** What a masked file or folder reads as; or it is not there, or not to be read. */
const NOTHING = ["", "[]", "ENOENT", "EACCES", "EPERM"];

/** What test/support/probes/isolation.py found. */
interface Found {
  readonly status: Record<string, string>;
  readonly descriptors: { open: number[]; chdir: string[]; "chdir of pid 1": string[] };
  readonly whole_file_system: Record<"writable" | "setuid" | "capable" | "sockets" | "devices", string[]> & {
    count: number;
  };
  readonly writes: Record<string, string>;
  readonly secrets: Record<string, unknown>;
  readonly pid_1: Record<string, unknown>;
  readonly tampering: Record<string, string>;
  readonly powers: Record<string, unknown>;
  readonly devices: Record<string, string>;
  readonly connections: Record<string, unknown>;
  readonly escapes: Record<string, string>;
  readonly identity: Record<string, unknown> & { environ: Record<string, string> };
  readonly processes: Record<string, [string, string]>;
}

/** Those of an object's entries whose value is none of these; what a test wants to be empty. */
function except(entries: Record<string, unknown>, allowed: readonly string[]): [string, unknown][] {
  return Object.entries(entries).filter(
    ([, value]) => !allowed.includes(Array.isArray(value) ? JSON.stringify(value) : String(value)),
  );
}

/** Attempts of the escapes probe by name; at least as many as there must be. */
function attempts(found: Found, names: RegExp, atLeast: number): Record<string, string> {
  const chosen = Object.entries(found.escapes).filter(([name]) => names.test(name));
  expect(chosen.length).toBeGreaterThanOrEqual(atLeast);
  return Object.fromEntries(chosen);
}

/** EPERM, ENOSYS, SIGSYS; and SIGSEGV, with which a kernel without the i386 entrance answers. */
const DENIED = ["errno 1", "errno 38", "signal 31"];
/** What a socket that is refused answers, besides: EACCES, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EAFNOSUPPORT. */
const DENIED_SOCKET = [...DENIED, "errno 13", "errno 93", "errno 94", "errno 97"];
const DENIED_FOREIGN = [...DENIED, "signal 11"];

describe("B2 isolation posture, from inside", () => {
  const canaries = { file: "", daemon: "", neighbour: "" };
  let folder: string;
  let syscalls: string;
  let daemon: TestDaemon;
  let peer: Peer;
  let neighbour: string;
  const found = new Map<string, Found>();
  const outputs: string[] = [];

  beforeAll(async () => {
    for (const key of ["file", "daemon", "neighbour"] as const) canaries[key] = randomBytes(16).toString("hex");
    folder = await mkdtemp(join(tmpdir(), "matchbox-isolation-"));
    await writeFile(join(folder, canaries.file), canaries.file);
    await chmod(folder, 0o755);
    const program = join(folder, "syscalls");
    await promisify(execFile)("gcc", ["-static", "-O1", "-s", "-o", program, join(PROBES, "syscalls.c")]);
    syscalls = (await readFile(program)).toString("base64");
    process.env["MATCHBOX_CANARY"] = canaries.daemon;
    daemon = await startDaemon([
      "lanes.python.warm=2",
      // Named on purpose: it has to be there, and to be what is used.
      "engine.ociRuntime=runc",
      `server.tokens=[${canaries.daemon}]`,
      ...(isRoot ? ["lanes.shell.network=egress"] : []),
    ]);
    peer = await Peer.connect(daemon.url, { headers: { Authorization: `Bearer ${canaries.daemon}` } });
    // A neighbour with something to hide: in its file, its arguments and its environment.
    neighbour = peer.start("python", `import sys; print('up', flush=True); input()  # ${canaries.neighbour}`, {
      stdin: true,
      args: [canaries.neighbour],
      env: { SECRET: canaries.neighbour },
      files: [{ path: canaries.neighbour, content: canaries.neighbour }],
    });
    await peer.heard(neighbour, "stdout");
    const probe = await probeText("isolation.py");
    const files = [
      { path: "syscalls", content: syscalls, encoding: "base64" as const, mode: 0o755 },
      { path: "isolation.py", content: probe },
    ];
    const runs = {
      python: peer.run("python", "import runpy; runpy.run_path('isolation.py', run_name='__main__')", { files }),
      shell: peer.run("shell", "exec python3 isolation.py", { files }),
    };
    for (const lane of LANES) {
      const { stdout, stderr, exit } = await runs[lane];
      expect(stderr).toBe("");
      expect(exit).toMatchObject({ reason: "exited", exitCode: 0 });
      outputs.push(stdout);
      found.set(lane, JSON.parse(stdout) as Found);
    }
  });
  afterAll(async () => {
    delete process.env["MATCHBOX_CANARY"];
    await peer[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  describe.each(LANES)("in the lane %s", (lane) => {
    const of = (): Found => found.get(lane)!;

    it("B2.18 no capability in any set, no new privileges, a filter, a user of its own and no other group", () => {
      const status = Object.fromEntries(
        Object.entries(of().status).map(([key, value]) => [key, value.trim().replaceAll("\t", " ")]),
      );
      const none = "0000000000000000";
      expect(status).toMatchObject({
        ...{ CapInh: none, CapPrm: none, CapEff: none, CapBnd: none, CapAmb: none },
        ...{ NoNewPrivs: "1", Seccomp: "2" },
        ...{ Uid: "10001 10001 10001 10001", Gid: "10001 10001 10001 10001", Groups: "10001" },
      });
    });

    it("B2.19 nothing of the image, /proc, /sys, /dev or the cgroups can be written to or made anew", () => {
      const { writes, whole_file_system: everything } = of();
      expect(except(writes, REFUSED)).toEqual([]);
      expect(everything.writable).toEqual([]);
      // Not a look at three files.
      expect(everything.count).toBeGreaterThan(10_000);
    });

    it("B2.20 what tells of the host or its keys reads as nothing", () => {
      expect(except(of().secrets, NOTHING)).toEqual([]);
      expect(of().escapes["syslog"]).toBe("errno 1");
      // The host has some of it: the mask is what hides it.
      expect(Object.keys(of().secrets)).toContain("/proc/cmdline");
    });

    it("B2.21 PID 1 shows nothing of itself but its command line, which has no secret", () => {
      expect(except(of().pid_1, ["EACCES", "EPERM"])).toEqual([]);
      const [commandLine, environment] = of().processes["1"]!;
      expect(commandLine).toMatch(/^\/opt\/matchbox\/runner\0--(?:env|prepend)\0/);
      expect(environment).toBe("EACCES");
    });

    it("B2.21 variables are an allow-list", () => {
      const allowed = [
        ..."HOME HOSTNAME LANG LSAN_OPTIONS PATH".split(" "),
        // How many processors the lane has.
        ..."BLIS_NUM_THREADS GOMAXPROCS JULIA_NUM_THREADS MC_CORES MKL_NUM_THREADS NUMBA_NUM_THREADS".split(" "),
        ..."NUMEXPR_NUM_THREADS OMP_NUM_THREADS OPENBLAS_NUM_THREADS POLARS_MAX_THREADS PYTHON_CPU_COUNT".split(" "),
        "RAYON_NUM_THREADS",
        ..."PIP_DISABLE_PIP_VERSION_CHECK PIP_NO_CACHE_DIR".split(" "),
        // Bash's own.
        ...(lane === "shell" ? ["OLDPWD", "PWD", "SHLVL", "_"] : []),
      ];
      expect(Object.keys(of().identity.environ).filter((name) => !allowed.includes(name))).toEqual([]);
    });

    it("B2.22 no mount, no other root, no namespace, by any call old or new", () => {
      const names =
        /^(?:mount|umount2|pivot_root|chroot|open_tree|move_mount|fs(?:open|config|mount|pick)|mount_setattr|setns|clone3|(?:clone|unshare)\()/;
      expect(except(attempts(of(), names, 28), DENIED)).toEqual([]);
      expect(of().escapes["clone3"]).toBe("errno 38");
    });

    it("B2.23 no keys, bpf, perf, userfaultfd, io_uring, handles, modules, clocks or other machinery of the kernel", () => {
      const names = [
        ..."keyctl add_key request_key bpf perf_event_open userfaultfd io_uring_setup io_uring_enter".split(" "),
        ..."io_uring_register open_by_handle_at name_to_handle_at kexec_load init_module finit_module".split(" "),
        ..."delete_module swapon swapoff reboot settimeofday clock_settime acct quotactl fanotify_init kcmp".split(" "),
        ..."pidfd_getfd memfd_secret personality\\(ADDR_NO_RANDOMIZE\\)".split(" "),
        ...(process.arch === "x64" ? ["ioperm", "iopl", "kexec_file_load", "modify_ldt"] : []),
      ];
      expect(except(attempts(of(), new RegExp(`^(?:${names.join("|")})$`), names.length), DENIED)).toEqual([]);
    });

    it("B2.24 no socket but unix, TCP, UDP and routes; not by the i386 or x32 entrance either", () => {
      const native = attempts(of(), /^socket\(/, 14);
      expect(except(native, DENIED_SOCKET)).toEqual([]);
      for (const family of ["ALG", "VSOCK", "KEY", "XDP", "BLUETOOTH"]) {
        expect(native).toHaveProperty(`socket(AF_${family})`);
      }
      if (process.arch !== "x64") return;
      expect(except(attempts(of(), /^(?:int80|x32) /, 13), DENIED_FOREIGN)).toEqual([]);
    });

    it("B2.25 no tracing, and no way to PID 1's memory, program or descriptors", () => {
      expect(except(of().tampering, ["EPERM", "EACCES", "ETXTBSY", "EROFS"])).toEqual([]);
      expect(except(attempts(of(), /^(?:ptrace|process_vm_)/, 5), DENIED)).toEqual([]);
    });

    it("B2.26 no way to more: no setuid file, none that works when made, no change of user, no real-time", () => {
      const { whole_file_system: everything, powers } = of();
      expect([...everything.setuid, ...everything.capable]).toEqual([]);
      expect(powers).toEqual({
        ...{ "setuid(0)": "EPERM", "setgid(0)": "EPERM", setgroups: "EPERM" },
        ...{ nosuid: Array(6).fill(true), nodev: Array(6).fill(true) },
        "setuid copy": "10001",
        programs: [],
        ...{ "real-time": "EPERM", nice: expect.stringMatching(/^E(?:PERM|ACCES)$/) as string },
        "mlock of 1 MiB": expect.stringMatching(/^E(?:NOMEM|PERM|AGAIN)$/) as string,
      });
    });

    it("B2.27 no device but the usual ones, and none can be made", () => {
      const { devices, whole_file_system: everything } = of();
      expect(except(devices, REFUSED)).toEqual([]);
      // Masked files are the null device.
      const nodes = everything.devices.filter((path) => !path.startsWith("/proc/") && !path.startsWith("/sys/"));
      expect(nodes.sort()).toEqual(
        ["full", "null", "pts/ptmx", "random", "tty", "urandom", "zero"].map((name) => `/dev/${name}`),
      );
    });

    it("B2.28 no socket of an engine or of anybody else", () => {
      const { connections, whole_file_system: everything } = of();
      expect(everything.sockets).toEqual([]);
      const { bound, ...engines } = connections;
      expect(bound).toEqual([]);
      expect(except(engines, ["ENOENT"])).toEqual([]);
    });

    it("B2.29 nothing is open but the three streams, and no folder of the host can be entered through a descriptor", () => {
      const { descriptors } = of();
      expect(descriptors.open).toEqual([0, 1, 2]);
      for (const error of descriptors.chdir) expect(["ENOENT", "ENOTDIR"]).toContain(error);
      expect(descriptors["chdir of pid 1"]).toEqual(["EACCES"]);
      expect(of().tampering["/proc/1/exe"]).toBe("EACCES");
    });

    it("B2.30 /dev/null stays what it is, and terminals are nobody else's", () => {
      const { devices } = of();
      for (const what of ["unlink /dev/null", "rename /dev/null", "symlink in /dev", "symlink in /dev/pts"]) {
        expect(["EACCES", "EROFS", "EPERM"]).toContain(devices[what]);
      }
      expect(devices["another's terminal"]).toBe("ENOENT");
    });

    it("B2.33 the host's name, the machine's and the container's are not told, nor anything of the daemon's", () => {
      const { identity, secrets } = of();
      expect(identity["hostname"]).toBe("sandbox");
      expect(String(identity["/etc/hostname"]).trim()).toBe("sandbox");
      for (const path of ["/etc/machine-id", "/sys/class/dmi/id/product_uuid", "/proc/sys/kernel/random/boot_id"]) {
        expect(NOTHING).toContain(String(secrets[path]));
      }
      expect(String(identity["/proc/self/cgroup"])).not.toMatch(/[0-9a-f]{64}/);
      const told = JSON.stringify(identity);
      expect(told).not.toContain(daemon.instance);
      if (hostname().length > 3) {
        for (const path of ["/etc/hosts", "/etc/hostname"]) expect(String(identity[path])).not.toContain(hostname());
      }
    });
  });

  it("B2.21 a process sees the processes of its own sandbox only, and no canary of the host, the daemon or a neighbour", () => {
    for (const lane of LANES) expect(Object.keys(found.get(lane)!.processes)).toHaveLength(2);
    const everything = outputs.join("");
    for (const canary of Object.values(canaries)) expect(everything).not.toContain(canary);
    // The neighbour was there all the time.
    expect(peer.outcome(neighbour).exit).toBeUndefined();
  });

  it.skipIf(!isRoot)("B2.28 no engine answers at the gateway of a lane with a network (needs root)", async () => {
    const code = [
      "import socket",
      "routes = [line.split() for line in open('/proc/net/route')][1:]",
      "gateway = next(socket.inet_ntoa(bytes.fromhex(r[2])[::-1]) for r in routes if r[1] == '00000000')",
      "for port in (2375, 2376):",
      "    with socket.socket() as one:",
      "        one.settimeout(3); print(one.connect_ex((gateway, port)) == 0)",
    ].join("\n");
    const { stdout, stderr } = await peer.run("shell", `python3 - <<'END'\n${code}\nEND`);
    expect([stdout, stderr]).toEqual(["False\nFalse\n", ""]);
  });

  it("B2.32 the runtime that is asked for is the one that is used", async () => {
    const { Id } = (await containerOf(peer.outcome(neighbour).started!.sandbox))!;
    const seen = (await askEngine(`/containers/${Id}/json`)) as {
      HostConfig: { Runtime: string };
    };
    expect(seen.HostConfig.Runtime).toBe("runc");
    peer.send({ type: "cancel", id: neighbour });
    await peer.ending(neighbour);
  });
});

describe("B2.26 the image", () => {
  it("has no setuid or setgid file and no file capability, in folders of root's neither", async () => {
    const code = [
      "import os, stat",
      "count = 0",
      "def fail(error): raise error",
      "for folder, folders, names in os.walk('/', onerror=fail):",
      "    folders[:] = [f for f in folders if os.path.join(folder, f) not in",
      "        ('/proc', '/sys', '/dev', '/tmp', '/workspace', '/home/sandboxuser', '/var/cache/apt/archives/partial')]",
      "    for path in (os.path.join(folder, name) for name in names):",
      "        mode = os.lstat(path).st_mode",
      "        count += 1",
      "        if stat.S_ISREG(mode) and (mode & 0o6000 or 'security.capability' in os.listxattr(path)): print(path)",
      "print('looked' if count > 5000 else count)",
    ].join("\n");
    const label = `test-${randomBytes(6).toString("hex")}`;
    const { output } = await runContainer({
      command: ["python3", "-c", code],
      label,
      user: "0:0",
      hostConfig: { CapAdd: ["DAC_READ_SEARCH"] },
    });
    expect(output).toBe("looked\n");
  });
});

async function lanesOf({ url }: TestDaemon): Promise<Map<string, LanesReport["lanes"][number]>> {
  const report = (await (await fetch(`${url}/v1/lanes`)).json()) as LanesReport;
  return new Map(report.lanes.map((lane) => [lane.name, lane]));
}

/** What is changed of a seccomp profile here. */
interface Profile {
  readonly syscalls: { names: string[] }[];
}

describe("a jail that cannot be had", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "matchbox-profiles-"));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  async function profile(name: string, change: (own: Profile) => unknown): Promise<string> {
    const path = join(folder, name);
    const own = JSON.parse(await readFile(OWN_PROFILE, "utf8")) as Profile;
    await writeFile(path, JSON.stringify(change(own)));
    return path;
  }

  it.each([
    ["is not there", () => join(folder, "absent.json"), /cannot be read: ENOENT/],
    ["is empty, which the engine takes for no filter", () => profile("empty.json", () => ({})), /defaultAction/],
  ])("B2.31 a profile that %s keeps the daemon from starting, with key and file", async (_what, file, words) => {
    const path = await file();
    const starting = startDaemon([`lanes.python.seccomp=${path}`]);
    await expect(starting).rejects.toThrow(words);
    await expect(starting).rejects.toThrow(`lanes.python.seccomp: the seccomp profile ${path}`);
  });

  it("B2.31 a profile that the engine refuses closes its lane, for the engine's reason, and no other; a stricter one holds", async () => {
    const broken = await profile("broken.json", ({ syscalls }) => ({
      defaultAction: "SCMP_ACT_ERRNO",
      architectures: ["SCMP_ARCH_NONSENSE"],
      syscalls,
    }));
    const strict = await profile("strict.json", (own) => {
      for (const rule of own.syscalls) rule.names = rule.names.filter((name) => !name.startsWith("symlink"));
      return own;
    });
    await using daemon = await startDaemon([
      "lanes.python.warm=1",
      `lanes.python.seccomp=${broken}`,
      `lanes.shell.seccomp=${strict}`,
      "lanes.shell.maskedPaths=[/usr/bin/curl, /etc/apt]",
      "lanes.shell.tmpInodes=32",
      "lanes.shell.shmInodes=16",
    ]);
    const lanes = await lanesOf(daemon);
    expect(lanes.get("python")).toMatchObject({ state: "degraded", stock: { warm: 0 } });
    expect(lanes.get("python")?.reason).toMatch(/seccomp|SCMP_ARCH_NONSENSE/);
    expect(lanes.get("shell")).toMatchObject({ state: "ready" });
    await using peer = await Peer.connect(daemon.url);
    expect((await peer.run("python", "print(1)")).error).toMatchObject({ code: "lane_degraded" });
    const running = await containersOf(daemon.instance);
    expect(running.filter(({ Labels, State }) => Labels["matchbox.lane"] === "python" && State === "running")).toEqual(
      [],
    );

    const code = [
      "ln -s a b 2>&1 | grep -o 'Operation not permitted'",
      "wc -c < /usr/bin/curl; ls /etc/apt | wc -l",
      "fill() { i=0; while [ $i -lt 100 ] && : > $1/$i; do i=$((i + 1)); done 2>/dev/null; echo $i; }",
      "fill /tmp; fill /dev/shm; fill /workspace",
    ].join("\n");
    const { stdout } = await peer.run("shell", code);
    expect(stdout.split("\n")).toEqual(["Operation not permitted", "0", "0", "31", "15", "100", ""]);
  });

  it("B2.32 a runtime that is not installed closes the lanes; nothing runs in another one instead", async () => {
    await using daemon = await startDaemon(["engine.ociRuntime=runtime-that-is-not-there", "lanes.python.warm=1"]);
    for (const lane of (await lanesOf(daemon)).values()) {
      expect(lane).toMatchObject({ state: "degraded", stock: { warm: 0 } });
      expect(lane.reason).toContain("runtime-that-is-not-there");
    }
    await using peer = await Peer.connect(daemon.url);
    for (const lane of LANES) {
      const { error } = await peer.run(lane, "echo 1");
      expect(error).toMatchObject({ code: "lane_degraded" });
      expect(error?.message).toContain("runtime-that-is-not-there");
    }
    expect((await containersOf(daemon.instance)).filter(({ State }) => State === "running")).toEqual([]);
  });
});
