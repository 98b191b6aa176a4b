import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

interface Mount {
  readonly root: string;
  readonly point: string;
  readonly options: readonly string[];
  readonly isShared: boolean;
  readonly type: string;
  readonly superOptions: readonly string[];
}

/** Options that protect or limit; the rest is taste, or the machine's. */
const TELLING = /^(?:ro|rw|nosuid|nodev|noexec|size=.*|nr_inodes=.*|mode=.*|uid=.*|gid=.*)$/;
/** What the engine puts there from files of its own. */
const ENGINES_FILES = ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"];

/** Where a container lives, a line for each thing: its file systems, its network, the limits of its cgroup. */
export async function describeSurroundings(init: number, maskedPaths: readonly string[]): Promise<string[]> {
  return [
    ...describeMounts(await mountsOf(init), maskedPaths),
    `network interfaces: ${(await interfacesOf(init)).join(" ")}`,
    ...(await describeCgroup(init)),
  ];
}

async function mountsOf(pid: number): Promise<Mount[]> {
  const lines = (await readFile(`/proc/${pid}/mountinfo`, "utf8")).trim().split("\n");
  return lines.map((line) => {
    const [left = "", right = ""] = line.split(" - ");
    const [, , , root = "", point = "", options = "", ...optional] = left.split(" ");
    const [type = "", , superOptions = ""] = right.split(" ");
    return {
      root,
      point,
      options: options.split(","),
      isShared: optional.some((field) => field.startsWith("shared:")),
      type,
      superOptions: superOptions.split(","),
    };
  });
}

function describeMounts(mounts: readonly Mount[], maskedPaths: readonly string[]): string[] {
  const lines: string[] = [];
  const controllers = new Set<string>();
  for (const mount of mounts) {
    if (isMask(mount) && maskedPaths.includes(mount.point)) continue;
    // Version 1 has one for each controller, under names that differ.
    if (mount.type.startsWith("cgroup")) controllers.add(optionsOf(mount));
    else lines.push(`mount ${mount.point}: ${typeOf(mount)} ${optionsOf(mount)}${mount.isShared ? " SHARED" : ""}`);
  }
  // Version 1 gathers them in a folder in memory, which is root's.
  return [
    ...lines.filter((line) => !line.startsWith("mount /sys/fs/cgroup: tmpfs ")).sort(),
    ...[...controllers].map((options) => `mount of cgroups: ${options}`),
    ...maskedPaths
      .filter((path) => existsSync(path) && !mounts.some((mount) => mount.point === path && isMask(mount)))
      .map((path) => `NOT MASKED: ${path}`),
    "masked: " + withoutNumbers(maskedPaths).join(" "),
  ];
}

/** A file is masked by the null device, a folder by an empty file system that cannot be written to. */
function isMask({ root, type, options }: Mount): boolean {
  return root === "/null" || (type === "tmpfs" && root === "/" && options.includes("ro"));
}

function typeOf({ point, type }: Mount): string {
  if (ENGINES_FILES.includes(point)) return "a file of the engine's";
  return point === "/" ? "the image" : type;
}

function optionsOf({ point, options, type, superOptions }: Mount): string {
  // Those of a disk, of the image's layers and of terminals are the machine's.
  const isOurs = type === "tmpfs" && !ENGINES_FILES.includes(point);
  const more = isOurs ? superOptions.filter((option) => option !== "rw" && option !== "ro") : [];
  return [...options, ...more].filter((option) => TELLING.test(option)).join(",");
}

/** One line's worth of what is the same for each processor. */
function withoutNumbers(paths: readonly string[]): string[] {
  const numbered = /^(\/sys\/devices\/system\/cpu\/cpu)\d+(\/.*)$/;
  return [...new Set(paths.map((path) => path.replace(numbered, "$1*$2")))].sort();
}

async function interfacesOf(pid: number): Promise<string[]> {
  const lines = (await readFile(`/proc/${pid}/net/dev`, "utf8")).trim().split("\n").slice(2);
  return lines.map((line) => line.split(":")[0]!.trim()).sort();
}

/** The cgroup of a process, in whichever version this machine has. */
async function cgroupOf(
  pid: number,
): Promise<{ version: 1 | 2; read: (controller: string, file: string) => Promise<string> }> {
  const groups = new Map<string, string>();
  for (const line of (await readFile(`/proc/${pid}/cgroup`, "utf8")).trim().split("\n")) {
    const [, controllers = "", path = ""] = line.split(":");
    for (const controller of controllers.split(",")) groups.set(controller, path);
  }
  return {
    version: groups.has("memory") ? 1 : 2,
    read: async (controller, file) => {
      const folder = groups.has(controller)
        ? join("/sys/fs/cgroup", controller, groups.get(controller)!)
        : join("/sys/fs/cgroup", groups.get("") ?? "/");
      return (await readFile(join(folder, file), "utf8")).trim();
    },
  };
}

async function describeCgroup(pid: number): Promise<string[]> {
  const { version, read } = await cgroupOf(pid);
  const memory = await read("memory", version === 1 ? "memory.limit_in_bytes" : "memory.max");
  const swap =
    version === 1
      ? String(BigInt(await read("memory", "memory.memsw.limit_in_bytes")) - BigInt(memory))
      : await read("memory", "memory.swap.max");
  const [quota, period] =
    version === 1
      ? [await read("cpu", "cpu.cfs_quota_us"), await read("cpu", "cpu.cfs_period_us")]
      : (await read("cpu", "cpu.max")).split(" ");
  return [
    `cgroup: memory ${memory}, swap ${swap}`,
    `cgroup: processors ${Number(quota) / Number(period)}`,
    `cgroup: processes and threads ${await read("pids", "pids.max")}`,
  ];
}

/** Null, zero, full, random, urandom; tty, console, ptmx and terminals; and tun, which older runtimes add, without its node. */
const USUAL_DEVICES = /^c (?:1:[35789]|5:[012]|136:\*|10:200) /;

/**
 * Devices that a container may read or write besides the usual ones.
 * @returns undefined on cgroup version 2, which holds devices by a program in the kernel that nobody can read back
 */
export async function unusualDevices(pid: number): Promise<string[] | undefined> {
  const { version, read } = await cgroupOf(pid);
  if (version === 2) return undefined;
  const allowed = (await read("devices", "devices.list")).split("\n");
  return allowed.filter((line) => / [rwm]*[rw][rwm]*$/.test(line) && !USUAL_DEVICES.test(line));
}

/** Whether all of these processes live in one cgroup. */
export async function shareCgroup(pids: readonly number[]): Promise<boolean> {
  const groups = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cgroup`, "utf8")));
  return new Set(groups).size === 1;
}
