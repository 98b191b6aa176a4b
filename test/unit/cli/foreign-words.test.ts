import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RunReport } from "../../../src/cli/run-report.js";
import { CLI } from "../../support/daemon.js";
import { lane as limits } from "../client/scripted-daemon.js";

/** Clears the screen, turns the direction of writing, and goes back to the beginning of the line. */
const COMMANDS = "\u{9b}2J\u{202e}\u{1b}[1A\r";

const lane = {
  name: "python",
  state: "degraded",
  reason: `the engine says: ${COMMANDS}`,
  limits: limits("python"),
  stock: { warm: 0, warmTarget: 1, sizing: null, creating: 0, leased: 0, evicting: 0, max: 2 },
  waiting: 0,
  runs: {
    ...{ total: 1, warm: 0, cold: 1, refused: 0, byReason: {} },
    misses: { creating_fails: 0, held: 0, starting: 0, saturated: 0, refill_behind: 0, stock_empty: 0 },
  },
  hitRate: null,
  ...{ queueMs: null, handoutMs: null, firstByteMs: null },
  refillMs: { create: null, attach: null, start: null, ready: null, remove: null },
};
const report = { server: `0.1.0${COMMANDS}`, uptimeMs: 1, connections: 0, lanes: [lane] };

/** Somebody in the place of a daemon, who says what could move the cursor of a terminal wherever it says anything. */
let server: Server;
let url: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === "/v1/lanes") response.end(JSON.stringify(report));
    else
      response
        .writeHead(403)
        .end(JSON.stringify({ type: "error", code: "internal", retryable: false, message: COMMANDS }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
});
afterAll(() => {
  server.close();
});

describe("a command", () => {
  it.each([
    ["status", ["status"]],
    ["status --json", ["status", "--json"]],
    ["advise", ["advise"]],
    ["doctor", ["doctor", "--config", `/nowhere/${COMMANDS}`]],
    ["doctor --json", ["doctor", "--json", "--config", `/nowhere/${COMMANDS}`]],
    ["serve, of its configuration", ["serve", "--config", `/nowhere/${COMMANDS}`]],
    ["serve, of its settings", ["serve", "--set", `lanes.python.${COMMANDS}=1`]],
    ["build", ["build", "--target", COMMANDS]],
  ])("shows no word from elsewhere that a terminal would obey: %s", async (_, args) => {
    const child = spawn(process.execPath, [CLI, ...args], {
      env: { PATH: process.env["PATH"], MATCHBOX_URL: url, DOCKER_HOST: "unix:///nowhere/docker.sock" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    await once(child, "close");
    expect(text).toContain("2J");
    expect(text.match(/[\p{Cc}\p{Cf}]/gu)?.filter((character) => character !== "\n") ?? []).toEqual([]);
    if (args.includes("--json"))
      expect(JSON.stringify(JSON.parse(text))).toContain(JSON.stringify(COMMANDS).slice(1, -1));
  });

  it("run --json has a program's words escaped, and they mean the same", () => {
    const words = `${COMMANDS} and "quotes" \\ \u{1f600}\n`;
    const run = new RunReport("python");
    run.output("stdout", Buffer.from(words));
    run.file({ path: "a", size: 1 }, { problem: COMMANDS });
    const json = run.toJson();
    expect(json).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(JSON.parse(json)).toMatchObject({ stdout: words, files: [{ problem: COMMANDS }] });
  });
});
