import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { newInstance, startDaemonProcess } from "../support/daemon.js";
import { waitFor } from "../support/wait.js";

const NAMES = Array.from({ length: 15 }, (_, index) => `lane-with-a-rather-long-name-${index}`);

/** One in which the banner runs a program; of the others it knows none to run. */
function configuration(maxSandboxes: number): string {
  const lanes = NAMES.map(
    (name, index) =>
      `  ${name}: {language: ${index === 1 ? "shell" : "other"}, command: [bash], warm: 1, maxSandboxes: ${maxSandboxes}}`,
  );
  return `lanes:\n${lanes.join("\n")}\n`;
}

describe("a daemon with more lanes than Node likes listeners", () => {
  it("warns of nothing at its start, a reload and its stop; its banner is in columns, and names a lane that is there", async () => {
    const folder = await mkdtemp(join(tmpdir(), "matchbox-lanes-"));
    try {
      const path = join(folder, "my.yaml");
      await writeFile(path, configuration(4));
      await using daemon = await startDaemonProcess([], newInstance(), { configPath: path });
      const banner = daemon.output();
      const rows = banner.split("\n").filter((line) => line.startsWith("  ●"));
      expect(rows).toHaveLength(NAMES.length);
      expect(new Set(rows.map((row) => row.indexOf(" warm")))).toHaveLength(1);
      expect(banner).toContain(`npx matchbox run --url ${daemon.url} ${NAMES[1]} 'echo hello'`);
      expect(banner).not.toContain("python");

      await writeFile(path, configuration(5));
      daemon.kill("SIGHUP");
      await waitFor(() => daemon.output().includes("has been read again"), {
        timeoutMs: 100_000,
        what: "the other configuration to be taken",
      });
      daemon.kill("SIGTERM");
      expect((await daemon.exited()).code).toBe(0);
      expect(daemon.output()).not.toContain("Warning");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    // Thirty sandboxes, one after the other.
  }, 180_000);

  it("suggests no program where it knows of none, and says where to look where a lane is closed", async () => {
    const folder = await mkdtemp(join(tmpdir(), "matchbox-lanes-"));
    try {
      const path = join(folder, "my.yaml");
      await writeFile(
        path,
        "lanes:\n  a: {language: other, command: [bash], warm: 1}\n" +
          "  b: {language: python, warm: 1, image: 'matchbox-test:absent'}\n" +
          "  c: {language: shell, warm: 1, image: 'matchbox-test:absent'}\n",
      );
      await using daemon = await startDaemonProcess([], newInstance(), { configPath: path });
      const banner = daemon.output();
      expect(banner).toContain(`npx matchbox run --url ${daemon.url} a -f FILE`);
      expect(banner).toMatch(/✗ b +The image matchbox-test:absent is not there/);
      expect(banner).toMatch(/✗ c +the same as b\n/);
      expect(banner).toContain("npx matchbox doctor");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
