import { readdir, readFile, readlink } from "node:fs/promises";

/** The limits that the jail sets itself; the others are the engine's to pass on. */
const OUR_LIMITS = ["core file size", "open files", "locked memory", "nice priority", "realtime priority"];

/** Processes of a container, PID 1 first, as the host numbers them: those that share its PID namespace. */
export async function processesOf(init: number): Promise<number[]> {
  const space = await readlink(`/proc/${init}/ns/pid`);
  const found: number[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    // Others on this machine come and go between the two looks.
    const its = await readlink(`/proc/${entry}/ns/pid`).catch(() => "");
    if (its === space) found.push(Number(entry));
  }
  return found.sort((one, other) => Number(other === init) - Number(one === init) || one - other);
}

/** What a process calls itself. */
export async function nameOf(pid: number): Promise<string> {
  return (await readFile(`/proc/${pid}/comm`, "utf8")).trim();
}

/** Whether each thread of a process waits for something. */
export async function sleeps(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`);
  const states = threads.map(async (thread) => (await statusOf(`/proc/${pid}/task/${thread}/status`)).get("State"));
  return (await Promise.all(states)).every((state) => state === "S (sleeping)");
}

/** The posture of one process, a line for each thing: what it is, may do, has open and knows. */
export async function describeProcess(pid: number): Promise<string[]> {
  return [
    ...(await describeThreads(pid)),
    ...(await describeFiles(pid)),
    `namespaces of its own: ${(await namespacesOfItsOwn(pid)).join(" ")}`,
    `oom_score_adj ${(await readFile(`/proc/${pid}/oom_score_adj`, "utf8")).trim()}`,
    ...(await describeLimits(pid)),
  ];
}

/** The variables that a process was started with; the token of its exit notice is another one each time. */
export async function describeEnvironment(pid: number): Promise<string[]> {
  const variables = (await readFile(`/proc/${pid}/environ`, "utf8")).split("\0").filter(Boolean).sort();
  return variables.map(
    (variable) => `variable ${variable.replace(/(?<=^MATCHBOX_EXIT_NOTICE=)[0-9a-f]{6}$/, "(token)")}`,
  );
}

async function statusOf(path: string): Promise<Map<string, string>> {
  const lines = (await readFile(path, "utf8")).trim().split("\n");
  return new Map(lines.map((line) => line.split(/:\s*/, 2) as [string, string]));
}

/** Ids and privileges; they belong to threads, so each is asked, and one that differs shows as lines of its own. */
async function describeThreads(pid: number): Promise<string[]> {
  const threads = await readdir(`/proc/${pid}/task`);
  const postures = await Promise.all(
    threads.map(async (thread) => {
      const status = await statusOf(`/proc/${pid}/task/${thread}/status`);
      const of = (key: string): string => (status.get(key) ?? "unknown").replaceAll("\t", " ").trim();
      return [
        `uid ${of("Uid")}, gid ${of("Gid")}, groups ${of("Groups")}`,
        `capabilities ${["Inh", "Prm", "Eff", "Bnd", "Amb"].map((set) => BigInt(`0x${of(`Cap${set}`)}`)).join(" ")}`,
        // Kernels before 5.9 do not count the filters.
        `no_new_privs ${of("NoNewPrivs")}, seccomp ${of("Seccomp")}, filters ${status.get("Seccomp_filters") ?? "1"}`,
      ].join("\n");
    }),
  );
  return [...new Set(postures)].flatMap((posture) => posture.split("\n"));
}

/** What is open: the three streams, then the rest without numbers, for how many accounts a cgroup has is the machine's. */
async function describeFiles(pid: number): Promise<string[]> {
  const streams: string[] = [];
  const others = new Set<string>();
  for (const entry of await readdir(`/proc/${pid}/fd`)) {
    const target = await readlink(`/proc/${pid}/fd/${entry}`);
    const name = target
      .replace(/:\[\d+\]$/, "")
      .replace(/^\/sys\/fs\/cgroup\/.*/, "accounts of its cgroup")
      // Which numbers a runtime has used before is its own affair.
      .replace(/^\/proc\/\d+\/comm$/, "the main process's name");
    if (Number(entry) <= 2) streams[Number(entry)] = name;
    else others.add(name);
  }
  return [
    `in ${await readlink(`/proc/${pid}/cwd`)}`,
    `streams ${streams.join(", ")}`,
    `open besides: ${[...others].sort().join(", ") || "nothing"}`,
  ];
}

/** Which namespaces are not those of the engine's process that made the container. */
async function namespacesOfItsOwn(pid: number): Promise<string[]> {
  const engine = await engineOf(pid);
  const kinds = (await readdir(`/proc/${pid}/ns`)).filter((kind) => !kind.endsWith("_for_children")).sort();
  const own: string[] = [];
  for (const kind of kinds) {
    if ((await readlink(`/proc/${pid}/ns/${kind}`)) !== (await readlink(`/proc/${engine}/ns/${kind}`))) own.push(kind);
  }
  return own;
}

/** The engine's own process above a container: the first of its ancestors that lives in another PID namespace. */
async function engineOf(pid: number): Promise<number> {
  const space = await readlink(`/proc/${pid}/ns/pid`);
  for (let above = pid; ;) {
    above = Number((await statusOf(`/proc/${above}/status`)).get("PPid"));
    if ((await readlink(`/proc/${above}/ns/pid`)) !== space) return above;
  }
}

async function limitsOf(pid: number): Promise<Map<string, string>> {
  const lines = (await readFile(`/proc/${pid}/limits`, "utf8")).trim().split("\n").slice(1);
  return new Map(
    lines.map((line) => {
      const [, name = "", soft = "", hard = ""] = /^Max (.*?)\s{2,}(\S+)\s+(\S+)/.exec(line) ?? [];
      return [name, `${soft} ${hard}`];
    }),
  );
}

async function describeLimits(pid: number): Promise<string[]> {
  const engines = await limitsOf(await engineOf(pid));
  const lines: string[] = [];
  for (const [name, limit] of await limitsOf(pid)) {
    if (OUR_LIMITS.includes(name)) lines.push(`limit of ${name}: ${limit}`);
    else if (engines.get(name) !== limit) lines.push(`limit of ${name}, which is the engine's to set: ${limit}`);
  }
  return lines;
}
