import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { CLI, newInstance } from "../support/daemon.js";
import { containersOf, networksOf } from "../support/engine-view.js";
import { Peer } from "../support/peer.js";
import { waitFor } from "../support/wait.js";

const SOCKET = "/var/run/docker.sock";
/** Of nobody, on every system that has one. */
const NOBODY = "65534";

const isRoot = process.getuid?.() === 0;

/** Arguments of `setpriv`: a user of the engine's group who is nothing else. */
async function asUser(): Promise<string[]> {
  const { gid } = await stat(SOCKET);
  return ["--reuid", NOBODY, "--regid", String(gid), "--clear-groups", process.execPath, CLI];
}

describe.skipIf(!isRoot || process.env["DOCKER_HOST"] !== undefined)(
  "a daemon of the engine's group, without root",
  () => {
    it("serves what needs no root, and says once, in words, what does not work, and what to do", async () => {
      const instance = newInstance();
      const settings = [
        "server.listen=127.0.0.1:0",
        "lanes.python.warm=1",
        "lanes.shell.warm=1",
        "lanes.second={language: shell, warm: 1, network: egress}",
        `engine.instance=${instance}`,
      ].flatMap((setting) => ["--set", setting]);
      const child = spawn("setpriv", [...(await asUser()), "serve", ...settings], {
        stdio: ["ignore", "pipe", "pipe"],
      });
      const exited = once(child, "exit");
      let [log, banner] = ["", ""];
      child.stdout.setEncoding("utf8").on("data", (text: string) => (log += text));
      child.stderr.setEncoding("utf8").on("data", (text: string) => (banner += text));
      try {
        await waitFor(() => banner.includes("Try it"), { timeoutMs: 60_000, what: "the banner" });
        const url = /http:\/\/[^/\s]+/.exec(banner)?.[0] ?? "";
        expect(banner.match(/may not change the firewall/g)).toHaveLength(1);
        expect(banner).toMatch(/✗ second +the same as shell/);
        expect(banner).toMatch(/network to none/);
        expect(banner).toMatch(/npx matchbox doctor/);

        await using peer = await Peer.connect(url);
        expect((await peer.run("python", "print('served')")).stdout).toBe("served\n");
        expect((await peer.run("shell", "echo")).error).toMatchObject({
          code: "lane_degraded",
          message: expect.stringMatching(/Run the daemon as root, or set the lane's network to none/),
        });
        const ready = await fetch(`${url}/readyz`);
        expect([ready.status, await ready.json()]).toEqual([
          503,
          {
            ready: false,
            lanes: [
              { lane: "python", state: "ready" },
              { lane: "shell", state: "degraded" },
              { lane: "second", state: "degraded" },
            ],
            reasons: "GET /v1/lanes",
          },
        ]);
        for (const line of log.trimEnd().split("\n")) {
          expect(line).not.toContain('"stack"');
          expect(line.length).toBeLessThan(1_000);
        }
      } finally {
        child.kill("SIGTERM");
        await exited;
      }
      expect(child.exitCode).toBe(0);
      expect([await containersOf(instance), await networksOf(instance)]).toEqual([[], []]);
    });

    it("the doctor says the same, and is content with what it says to set", async () => {
      const doctor = async (settings: readonly string[]) => {
        const args = ["doctor", "--json", ...settings.flatMap((setting) => ["--set", setting])];
        const program = [...(await asUser()), ...args];
        return new Promise<Record<string, { status: string; fix?: string }>>((resolve) => {
          execFile("setpriv", program, (_error, stdout) => {
            const { checks } = JSON.parse(stdout) as { checks: { name: string; status: string; fix?: string }[] };
            resolve(Object.fromEntries(checks.map((check) => [check.name, check])));
          });
        });
      };
      const { user } = await doctor([]);
      expect(user).toMatchObject({ status: "warn" });
      const settings = [...(user?.fix ?? "").matchAll(/--set (\S+)/g)].map((match) => match[1] ?? "");
      expect(settings).toEqual(["lanes.shell.network=none", "engine.directPipes=false"]);
      const then = await doctor(settings);
      expect([then["user"]?.status, then["network"]?.status, then["direct pipes"]?.status]).toEqual(["ok", "ok", "ok"]);
    });
  },
);
