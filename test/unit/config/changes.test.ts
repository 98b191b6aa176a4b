import { describe, expect, it } from "vitest";
import { changesBetween, describeChange, needsRestart } from "../../../src/config/changes.js";
import { type Config, configSchema } from "../../../src/config/schema.js";

const config = (overrides: object = {}): Config =>
  configSchema.parse({ lanes: { python: { language: "python" }, shell: { language: "shell" } }, ...overrides });
const words = (after: Config): string[] => changesBetween(config(), after).map(describeChange);

describe("what differs between two configurations", () => {
  it("is nothing where nothing differs", () => {
    expect(changesBetween(config(), config())).toEqual([]);
  });

  it("is told key by key", () => {
    const lanes = { python: { language: "python", warm: 9, preload: ["json"] }, shell: { language: "shell" } };
    expect(words(config({ lanes, log: { level: "warn" } }))).toEqual([
      'log.level: "info" -> "warn"',
      'lanes.python.preload: [] -> ["json"]',
      "lanes.python.warm: 4 -> 9",
    ]);
  });

  it("is one thing for a lane that comes or goes", () => {
    expect(words(config({ lanes: { python: { language: "python" }, other: { language: "shell" } } }))).toEqual([
      "lanes.shell: removed",
      "lanes.other: added",
    ]);
  });

  it("never shows a token", () => {
    const tokens = ["a-token-that-nobody-may-see-0123456789"];
    expect(words(config({ server: { tokens } }))).toEqual(["server.tokens: changed"]);
  });

  it.each<[string, object, boolean]>([
    ["the address", { server: { listen: "127.0.0.1:1" } }, true],
    ["the engine", { engine: { maxConcurrentStarts: 3 } }, true],
    ["the policy of the network", { egress: { allowPrivate: true } }, true],
    ["the record of arrivals", { sizing: { traceFile: "/var/lib/matchbox/arrivals" } }, true],
    ["a limit of connections", { server: { maxConnections: 3 } }, false],
    ["the level of the log", { log: { level: "debug" } }, false],
    ["a lane", { lanes: { python: { language: "python" } } }, false],
  ])("needs a restart for %s: %j: %s", (_what, overrides, expected) => {
    const changes = changesBetween(config(), config(overrides));
    expect(changes).not.toEqual([]);
    expect(changes.every(needsRestart)).toBe(expected);
  });
});
