import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { ensurePrograms } from "../../src/setup/packages.js";
import { SILENT } from "../../src/setup/step.js";
import { testImage } from "../support/probes/engine.js";

const run = promisify(execFile);
/** The metapackage of Debian's kernels for virtual machines, which have everything built in that is needed here. */
const KERNEL = "linux-image-cloud-amd64";
const MEMORY_MIB = 1_536;
/** A boot takes 20 s without help from the processor. */
const BOOT_DEADLINE_MS = 600_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

export type CgroupVersion = "v1" | "v2" | "hybrid";

/** One sandbox to make in the machine, and what to send its runner once that is ready. */
export interface Case {
  readonly name: string;
  /** Arguments of the runner. */
  readonly command: readonly string[];
  readonly memoryBytes: number;
  readonly pids: number;
  readonly input: Buffer;
}

/**
 * A virtual machine, in emulation, with a kernel of Debian's and the sandbox image as its root: a host with whichever
 * version of the control groups, whatever this one has. Nothing of it is left on the disk when it is disposed.
 */
export class VirtualMachine implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Needs root, for the nodes of the image's files, and installs the emulator where there is none. */
  static async prepare(): Promise<VirtualMachine> {
    if (process.arch !== "x64") throw new Error(`the machine is one of x64; this host is ${process.arch}`);
    await ensurePrograms(["qemu-system-x86_64", "cpio"], ["qemu-system-x86", "cpio"], {
      purpose: "Other versions of the control groups",
      progress: SILENT,
    });
    const machine = new VirtualMachine(await mkdtemp(path.join(tmpdir(), "matchbox-machine-")));
    try {
      await Promise.all([machine.#fetchKernel(), machine.#exportImage()]);
      return machine;
    } catch (error) {
      await machine[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Boots, makes a sandbox for each case, one after the other, and turns the machine off.
   * @returns everything that each runner said, by the name of the case
   * @throws Error with the machine's console when it broke off
   */
  async boot(version: CgroupVersion, cases: readonly Case[]): Promise<ReadonlyMap<string, Buffer>> {
    const root = path.join(this.#folder, "root");
    const wanted = cases.map(({ input, ...rest }) => ({ ...rest, input: input.toString("hex") }));
    await writeFile(path.join(root, "cases.json"), JSON.stringify(wanted));
    const archive = path.join(this.#folder, "initrd.gz");
    await run("sh", ["-ec", 'cd "$1" && find . | cpio -o -H newc --quiet | gzip -1 >"$2"', "sh", root, archive]);
    const kernel = await this.#kernel();
    const { stdout } = await run(
      "qemu-system-x86_64",
      [
        ...["-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", String(MEMORY_MIB), "-nic", "none"],
        ...["-nographic", "-no-reboot", "-kernel", kernel, "-initrd", archive],
        ...["-append", `console=ttyS0 quiet panic=-1 cgroups=${version}`],
      ],
      { timeout: BOOT_DEADLINE_MS, maxBuffer: MAX_OUTPUT_BYTES },
    );
    const results = [...stdout.matchAll(/RESULT (\{.*\})/g)].map(([, json = ""]) => {
      const { name, said } = JSON.parse(json) as { name: string; said: string };
      return [name, Buffer.from(said, "hex")] as const;
    });
    if (results.length !== cases.length) throw new Error(`the machine broke off:\n${stdout.slice(-4_000)}`);
    return new Map(results);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #fetchKernel(): Promise<void> {
    const { stdout } = await run("apt-cache", ["depends", "--important", KERNEL]);
    const name = /Depends: (linux-image-\S+)/.exec(stdout)?.[1];
    if (name === undefined) throw new Error(`${KERNEL} names no kernel: ${stdout}`);
    const folder = path.join(this.#folder, "kernel");
    await mkdir(folder);
    await run("apt-get", ["-q", "download", name], { cwd: folder });
    const [file = ""] = await readdir(folder);
    await run("dpkg-deb", ["--extract", file, "."], { cwd: folder });
  }

  async #kernel(): Promise<string> {
    const boot = path.join(this.#folder, "kernel", "boot");
    const file = (await readdir(boot)).find((name) => name.startsWith("vmlinuz-"));
    if (file === undefined) throw new Error("the package of the kernel has none");
    return path.join(boot, file);
  }

  /** The image's files become the machine's root, with a first process of ours. */
  async #exportImage(): Promise<void> {
    const root = path.join(this.#folder, "root");
    await mkdir(root);
    const container = (await run("docker", ["create", "--entrypoint", "true", testImage()])).stdout.trim();
    try {
      await run("sh", ["-ec", 'docker export "$1" | tar -x -C "$2"', "sh", container, root]);
    } finally {
      await run("docker", ["rm", container]);
    }
    // The engine leaves an empty file in its place; without it the first process has no output.
    await rm(path.join(root, "dev", "console"), { force: true });
    await run("mknod", [path.join(root, "dev", "console"), "c", "5", "1"]);
    await copyFile(path.join(import.meta.dirname, "machine.py"), path.join(root, "machine.py"));
    await writeFile(path.join(root, "init"), "#!/bin/sh\nexec /usr/bin/python3 -S /machine.py\n");
    await chmod(path.join(root, "init"), 0o755);
  }
}
