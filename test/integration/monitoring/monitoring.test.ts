import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { freePort } from "../../../bench/lib/free-port.js";
import { packageRoot } from "../../../src/package-root.js";
import { startDaemon, type TestDaemon } from "../../support/daemon.js";
import { Peer } from "../../support/peer.js";
import { prometheusPrograms } from "../../support/prometheus.js";
import { waitFor } from "../../support/wait.js";

const run = promisify(execFile);
const ALERTS = join(packageRoot(), "config", "alerts.yaml");
const DASHBOARD = join(packageRoot(), "config", "grafana-dashboard.json");
const CASES = fileURLToPath(new URL("alerts.promtool.yaml", import.meta.url));

const dashboard = z.object({
  panels: z.array(
    z.object({ title: z.string(), targets: z.array(z.object({ expr: z.string(), legendFormat: z.string() })).min(1) }),
  ),
});

describe("what Prometheus and Grafana are given", () => {
  let daemon: TestDaemon;
  let folder: string;
  let programs: string;
  beforeAll(async () => {
    programs = await prometheusPrograms();
    folder = await mkdtemp(join(tmpdir(), "matchbox-test-"));
    daemon = await startDaemon();
    await using peer = await Peer.connect(daemon.url);
    await peer.run("python", "print(1)");
  }, 180_000);
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  const promtool = async (...args: string[]): Promise<string> => {
    const { stdout, stderr } = await run(join(programs, "promtool"), args, { cwd: folder });
    return stdout + stderr;
  };
  /** Names of metrics in expressions. */
  const namesIn = (text: string): string[] => [
    ...new Set(text.match(/\b(?:matchbox|nodejs|process)_[a-z0-9_]+/g) ?? []),
  ];
  const expressions = async (): Promise<string[]> => {
    const { panels } = dashboard.parse(JSON.parse(await readFile(DASHBOARD, "utf8")));
    return panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  };

  it("are rules that promtool takes, and that fire when they should and only then", async () => {
    expect(await promtool("check", "rules", ALERTS)).toMatch(/SUCCESS: [1-9]/);
    await copyFile(ALERTS, join(folder, "alerts.yaml"));
    await copyFile(CASES, join(folder, "cases.yaml"));
    expect(await promtool("test", "rules", "cases.yaml")).toContain("SUCCESS");
  });

  it("are metrics in good form, each under the name that rules and dashboard ask for", async () => {
    const text = await (await fetch(`${daemon.url}/metrics`)).text();
    const ours = text.split("\n").filter((line) => line.includes("matchbox_"));
    await writeFile(join(folder, "metrics"), `${ours.join("\n")}\n`);
    await run("sh", ["-c", '"$0" check metrics < metrics', join(programs, "promtool")], { cwd: folder });
    const asked = namesIn(`${await readFile(ALERTS, "utf8")}\n${(await expressions()).join("\n")}`);
    expect(asked.length).toBeGreaterThan(10);
    for (const name of asked) expect(text).toMatch(new RegExp(`^${name}(?:\\{| )`, "m"));
  });

  it("are panels whose expressions Prometheus understands", async () => {
    const rules = (await expressions()).map((expr, index) => {
      const plain = expr.replaceAll("$__rate_interval", "5m").replaceAll(/\$(?:instance|lane)/g, ".*");
      return { record: `panel:${index}`, expr: plain };
    });
    await writeFile(join(folder, "panels.yaml"), JSON.stringify({ groups: [{ name: "panels", rules }] }));
    expect(await promtool("check", "rules", "panels.yaml")).toContain(`SUCCESS: ${rules.length} rules found`);
  });

  it("load in a real Prometheus, which reads the daemon and evaluates them", async () => {
    const config = {
      global: { scrape_interval: "1s", evaluation_interval: "1s" },
      rule_files: [ALERTS],
      scrape_configs: [{ job_name: "matchbox", static_configs: [{ targets: [daemon.url.replace("http://", "")] }] }],
    };
    await writeFile(join(folder, "prometheus.yaml"), JSON.stringify(config));
    const port = await freePort();
    const server = spawn(
      join(programs, "prometheus"),
      [
        `--config.file=${join(folder, "prometheus.yaml")}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: "ignore" },
    );
    const exited = once(server, "exit");
    const ask = async (path: string): Promise<unknown> => {
      const answer = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`).catch(() => undefined);
      return answer?.ok === true ? answer.json() : undefined;
    };
    try {
      const query = `query?query=${encodeURIComponent('sum(matchbox_sandboxes{lane="python"})')}`;
      await waitFor(async () => JSON.stringify((await ask(query)) ?? "").includes('"value":['), {
        timeoutMs: 30_000,
        what: "a value of the daemon's in Prometheus",
      });
      const rule = z.object({ name: z.string(), health: z.string(), state: z.string() });
      const rules = z.object({ data: z.object({ groups: z.array(z.object({ rules: z.array(rule) })) }) });
      const read = async (): Promise<z.infer<typeof rule>[]> =>
        rules.parse(await ask("rules")).data.groups.flatMap((group) => group.rules);
      await waitFor(async () => (await read()).every(({ health }) => health === "ok"), {
        timeoutMs: 30_000,
        what: "the first evaluation of every rule",
      });
      expect((await read()).filter(({ state }) => state !== "inactive")).toEqual([]);
      expect((await read()).map(({ name }) => name)).toContain("MatchboxLaneDegraded");
    } finally {
      server.kill();
      await exited;
    }
  });
});
