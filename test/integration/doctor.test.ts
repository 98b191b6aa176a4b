import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { egressInterface } from "../../src/container/egress.js";
import { engineAddress } from "../../src/container/engine-address.js";
import { readSeccompProfile } from "../../src/container/seccomp-profile.js";
import { STATUSES } from "../../src/doctor/check.js";
import { tryLanes } from "../../src/doctor/trial.js";
import { checkTrial } from "../../src/doctor/trial-check.js";
import { sandboxSpec } from "../../src/pool/spec.js";
import { imageTag } from "../../src/setup/sandbox-image.js";
import { CLI, newInstance, testConfig } from "../support/daemon.js";
import { containersOf, networksOf } from "../support/engine-view.js";
import { askEngine, labelFilter, testImage } from "../support/probes/engine.js";

/** The compiled command, exactly as people run it. */
const AWAY = "engine.socket=unix:///nonexistent.sock";

const report = z.strictObject({
  checks: z.array(
    z.strictObject({ name: z.string(), status: z.enum(STATUSES), finding: z.string(), fix: z.string().optional() }),
  ),
});

async function doctor(args: readonly string[]) {
  const env = { PATH: process.env["PATH"], DOCKER_HOST: process.env["DOCKER_HOST"] };
  return new Promise<{ code: number | string | null | undefined; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [CLI, "doctor", ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, stdout, stderr });
    });
  });
}

async function checksOf(args: readonly string[]) {
  const { code, stdout, stderr } = await doctor(["--json", ...args]);
  expect(stderr).toBe("");
  const { checks } = report.parse(JSON.parse(stdout));
  const names = checks.map(({ name }) => name);
  const find = (name: string) => checks.find((check) => check.name === name);
  const withStatus = (status: string) => checks.filter((check) => check.status === status).map(({ name }) => name);
  return { code, names, find, withStatus };
}

/** What trials of any doctor have on the engine. */
async function leftByDoctors(): Promise<string[]> {
  const filter = labelFilter("matchbox");
  const labelled = z.object({ Labels: z.record(z.string(), z.string()) });
  const containers = (await askEngine(`/containers/json?all=1&${filter}`)) as unknown[];
  const networks = (await askEngine(`/networks?${filter}`)) as unknown[];
  return z
    .array(labelled)
    .parse([...containers, ...networks])
    .map(({ Labels: labels }) => labels["matchbox"] ?? "")
    .filter((instance) => instance.startsWith("doctor-"));
}

describe("matchbox doctor", () => {
  it("finds this machine fit, and looks at every thing once", async () => {
    const { code, names, withStatus, find } = await checksOf([]);
    expect(withStatus("fail")).toEqual([]);
    expect(withStatus("skip")).toEqual([]);
    expect(code).toBe(0);
    expect(names).toEqual([
      ...["configuration", "engine", "images", "limits", "runtimes", "seccomp", "user namespaces"],
      ...["user", "network", "direct pipes", "GPUs", "memory", "open files"],
    ]);
    expect(find("images")?.finding).toContain(imageTag("sandbox"));
  });

  it("says it in lines that line up, without colours where there is no terminal", async () => {
    const { code, stdout } = await doctor([]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ok {4}engine {11}\S/m);
    expect(stdout).toMatch(/\nReady: \d+ ok, \d+ warnings?, 0 failed\.\n$/);
    expect(stdout).not.toContain("\x1b");
  });

  it("fails without an engine, and says what could not be looked at because of that", async () => {
    const { code, find, withStatus } = await checksOf(["--set", AWAY]);
    expect(code).toBe(1);
    expect(withStatus("fail")).toEqual(["engine"]);
    expect(find("engine")?.finding).toBe("nobody listens at unix:///nonexistent.sock (engine.socket)");
    expect(withStatus("skip")).toEqual([
      ...["images", "limits", "runtimes", "seccomp", "user namespaces", "direct pipes", "GPUs", "memory"],
    ]);
    expect(find("limits")?.finding).toBe("needs the engine, which does not answer");
    expect(withStatus("ok")).toContain("configuration");
  });

  it("tries no sandbox without an engine", async () => {
    const { code, withStatus } = await checksOf(["--deep", "--set", AWAY]);
    expect(code).toBe(1);
    expect(withStatus("skip")).toEqual(expect.arrayContaining(["sandbox python", "sandbox shell"]));
  });

  it("names the command that gets a missing image", async () => {
    const missing = await checksOf([
      "--set",
      "lanes.python.image=matchbox-sandbox:none",
      "--set",
      "lanes.shell.image=matchbox-data:none",
    ]);
    expect(missing.code).toBe(1);
    expect(missing.find("images")).toEqual({
      name: "images",
      status: "fail",
      finding: "not there: matchbox-sandbox:none (python), matchbox-data:none (shell)",
      fix: "Build it with: npx matchbox build\nBuild it with: npx matchbox build --target data",
    });
  });

  it("fails on a runtime that the engine does not have", async () => {
    const { code, withStatus } = await checksOf(["--set", "engine.ociRuntime=nonesuch"]);
    expect(code).toBe(1);
    expect(withStatus("fail")).toEqual(["runtimes"]);
  });

  it("tells a mistake in the configuration in the configuration's own words, and looks no further", async () => {
    const folder = await mkdtemp(join(tmpdir(), "matchbox-doctor-"));
    try {
      const path = join(folder, "mine.yaml");
      await writeFile(path, "lanes:\n  python:\n    language: python\n    warm: many\n");
      const { code, find, names, withStatus } = await checksOf(["--config", path]);
      expect(code).toBe(1);
      expect(find("configuration")?.finding).toMatch(/mine\.yaml:4: lanes\.python\.warm is "many", but/);
      expect(withStatus("skip")).toEqual(names.slice(1));
      expect(names).toEqual((await checksOf(["--set", AWAY])).names);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("finds an address that others reach without a token, as the daemon would", async () => {
    const { code, find } = await checksOf(["--set", "server.listen=0.0.0.0:7070"]);
    expect(code).toBe(1);
    expect(find("configuration")?.finding).toContain("no token is configured");
  });

  it("refuses options that it does not have, as other commands do", async () => {
    expect(await doctor(["--deeper"])).toMatchObject({ code: 125, stdout: "" });
    expect(await doctor(["--set", "nonsense"])).toMatchObject({ code: 125, stdout: "" });
  });

  it("starts a sandbox of each lane when asked to, and leaves none", async () => {
    const { code, find } = await checksOf(["--deep"]);
    expect(code).toBe(0);
    for (const lane of ["python", "shell"]) {
      expect(find(`sandbox ${lane}`)?.finding).toMatch(/^held to 512 MiB .* create \d+, .*remove \d+ ms$/);
    }
    expect(await leftByDoctors()).toEqual([]);
  });
});

describe("a trial of lanes", () => {
  it("sees limits that differ from what its lane asks for, and leaves neither container, network nor rules", async () => {
    const instance = newInstance();
    const config = await testConfig(instance, ["lanes.shell.network=egress"]);
    const profile = await readSeccompProfile(null, "own");
    const spec = sandboxSpec("shell", config.lanes["shell"]!, {
      image: testImage(),
      ociRuntime: config.engine.ociRuntime,
      seccompProfile: profile,
    });
    const [outcome, failed] = await tryLanes({
      config,
      instance,
      address: engineAddress(config.engine.socket),
      specs: [spec, { ...spec, image: "matchbox-sandbox:none" }],
      signal: AbortSignal.timeout(60_000),
      onLane: () => undefined,
    });
    expect(checkTrial(outcome!)).toMatchObject({ status: "ok" });
    // The same sandbox, held against a lane that asks for less.
    expect(checkTrial({ ...outcome!, spec: { ...spec, memoryBytes: spec.memoryBytes / 2, pids: 64 } })).toMatchObject({
      status: "fail",
      finding: expect.stringMatching(
        /^memory is 536870912; memory with swap is 536870912; pids is 128 |^memory is 536870912; pids is 128 /,
      ),
    });
    expect(failed).toMatchObject({ kind: "failed", reason: expect.stringContaining("npx matchbox build") });
    expect(await containersOf(instance)).toEqual([]);
    expect(await networksOf(instance)).toEqual([]);
    const { stdout } = await promisify(execFile)("iptables-save");
    expect(stdout).not.toContain(egressInterface(instance));
  });
});
