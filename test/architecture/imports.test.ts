import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../src/package-root.js";

interface Import {
  /** Relative to src, such as `pool/lane.ts`; or the package's name. */
  readonly target: string;
  readonly isPackage: boolean;
  /** Nothing of it is left when the types are gone. */
  readonly isType: boolean;
  /** Loaded only when it is needed. */
  readonly isLazy: boolean;
}

const SOURCE = join(packageRoot(), "src");
const FILES: readonly string[] = readdirSync(SOURCE, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .sort();
const TEXTS = new Map(FILES.map((file) => [file, readFileSync(join(SOURCE, file), "utf8")]));
const IMPORTS = new Map([...TEXTS].map(([file, text]) => [file, importsOf(file, text)]));

/** Small things without a room, which every room but `protocol` and `client` may use. */
const LEAVES = [
  "afterwards",
  "amount",
  "backoff",
  "base64",
  "byte-queue",
  "cleanup",
  "clock",
  "deadline",
  "deferred",
  "errors",
  "image-targets",
  "line-output",
  "log",
  "package-root",
  "patience",
  "printable",
  "semaphore",
  "text-bytes",
].map((name) => `${name}.ts`);

/**
 * Who may import whom, by rooms and files; an arrow that is not here is not allowed. `types`: only types, which couple
 * words and not behaviour. `lazy`: only with `import()`, when a command needs it.
 */
const RULES: Readonly<
  Record<string, { values: readonly string[]; types?: readonly string[]; lazy?: readonly string[] }>
> = {
  // The contracts: what both ends of the wire know.
  protocol: { values: [] },
  // Works in a browser, so it has nothing of the daemon.
  client: { values: ["protocol"] },
  config: { values: ["protocol/handshake.ts", "protocol/limits.ts", "protocol/names.ts", ...LEAVES] },
  container: { values: ["protocol/limits.ts", ...LEAVES], types: ["config/schema.ts"] },
  // The port and its words; never an adapter.
  pool: {
    values: [
      ...["container/errors.ts", "container/labels.ts", "container/runner-channel.ts"],
      ...["protocol/lanes.ts", "sizing/sizer.ts", ...LEAVES],
    ],
    types: [
      "sizing/advise.ts",
      "sizing/memory-budget.ts",
      "container/runtime.ts",
      "config/schema.ts",
      "protocol/messages.ts",
    ],
  },
  run: {
    values: [
      "pool/lease.ts",
      "pool/sandbox.ts",
      "pool/spec.ts",
      "container/runner-channel.ts",
      "container/runner-frames.ts",
      "protocol/error-codes.ts",
      "protocol/limits.ts",
      ...LEAVES,
    ],
    types: ["pool/lane.ts", "container/runtime.ts", "container/runner-frames.ts", "config/schema.ts", "protocol"],
  },
  server: {
    values: ["run/run.ts", "protocol", ...LEAVES],
    types: ["run/execute.ts", "run/termination.ts", "config/schema.ts"],
  },
  // Replays and formulas: nothing of the daemon, which is only described to it.
  sizing: { values: LEAVES, types: ["protocol/watch.ts"] },
  setup: {
    values: [
      ...["container/docker-client.ts", "container/docker-errors.ts", "container/engine-address.ts"],
      ...["errors.ts", "image-targets.ts", "package-root.ts"],
    ],
  },
  // Looks at everything from the outside, and is looked at by nobody but its command.
  doctor: {
    values: [
      ...["config", "container", "setup", "pool/spec.ts", ...LEAVES],
      ...["server/authenticate.ts", "server/listen-address.ts"],
    ],
  },
  cli: {
    values: ["protocol", "client", "errors.ts", "printable.ts"],
    lazy: ["package-root.ts"],
  },
  // Some commands are not clients of a daemon: one is the daemon, one builds the image, one looks at what both stand on.
  "cli/serve.ts": { values: [], lazy: ["main.ts"] },
  "cli/doctor.ts": { values: [], lazy: ["doctor"] },
  "cli/check-list.ts": { values: [], types: ["doctor/check.ts"] },
  // One replays what a daemon has recorded, with the configuration that a daemon would have.
  "cli/advise.ts": { values: ["sizing", "pool/refill-times.ts", "pool/sized-lanes.ts"], lazy: ["config/load.ts"] },
  "cli/fleet-report.ts": { values: ["sizing/advise.ts", "sizing/fleet.ts"] },
  "cli/advice-table.ts": { values: ["sizing/advise.ts"], types: ["sizing/simulate.ts"] },
  "cli/build.ts": { values: ["container/engine-address.ts", "image-targets.ts"], lazy: ["setup"] },

  // Runs in a browser.
  web: { values: ["protocol", "client"] },

  "main.ts": { values: ["daemon.ts", "banner.ts", "config", "setup/sandbox-image.ts", ...LEAVES] },
  "banner.ts": {
    values: ["protocol/handshake.ts", ...LEAVES],
    types: ["config/schema.ts", "daemon.ts", "pool/lane.ts"],
  },
  "daemon.ts": {
    values: [
      ...["server", "run", "pool", "container", "protocol", "sizing/advisor.ts", "config/json-schema.ts"],
      ...["journal.ts", "housekeeping.ts", "lane-factory.ts", "reloads.ts", ...LEAVES],
    ],
    types: ["config/changes.ts", "config/schema.ts"],
  },
  // Parts of the daemon.
  "housekeeping.ts": { values: LEAVES, types: ["container/runtime.ts", "journal.ts"] },
  "lane-factory.ts": {
    values: ["pool", "container/seccomp-profile.ts", "sizing/memory-budget.ts", ...LEAVES],
    types: ["config/schema.ts", "container/runtime.ts", "journal.ts"],
  },
  "reloads.ts": {
    values: ["lane-factory.ts", "config/changes.ts", "container/errors.ts", "pool/lanes.ts", ...LEAVES],
    types: ["config/schema.ts", "journal.ts", "pool/lane.ts", "server/http-server.ts"],
  },
  "journal.ts": {
    values: ["metrics.ts", "pool/statistics.ts", "sizing/arrival-log.ts", "sizing/arrival-memory.ts", ...LEAVES],
    types: ["config/schema.ts", "container/runtime.ts", "protocol", "run"],
  },
  "metrics.ts": { values: ["protocol/lanes.ts", ...LEAVES], types: ["container/runtime.ts", "pool", "protocol"] },
  // Leaves know nothing but other leaves and the wire's error codes.
  ...Object.fromEntries(
    LEAVES.map((leaf) => [leaf, { values: LEAVES, types: ["protocol/error-codes.ts", "protocol/messages.ts"] }]),
  ),
};

/** Packages with one home each, so that what is odd about them is dealt with in one place. */
const HOMES: Readonly<Record<string, { values: RegExp; types?: RegExp }>> = {
  dockerode: {
    // Loads it in a way of its own, which no import shows.
    values: /^$/,
    types: /^(?:container\/docker-[a-z-]+|setup\/docker-api)\.ts$/,
  },
  "generic-pool": { values: /^pool\/stock\.ts$/ },
  ws: { values: /^(?:server\/(?:http-server|rehearsal)|client\/node-socket)\.ts$/, types: /^server\// },
  yaml: { values: /^config\/load\.ts$/ },
  "prom-client": { values: /^metrics\.ts$/ },
  pino: { values: /^log\.ts$/ },
  "pino-pretty": { values: /^log\.ts$/ },
  commander: { values: /^cli\// },
};

function importsOf(file: string, text: string): Import[] {
  const found: Import[] = [];
  const add = (specifier: string, kind: { isType?: boolean; isLazy?: boolean }): void => {
    const isPackage = !specifier.startsWith(".");
    const target = isPackage ? specifier : join(file, "..", specifier).replace(/\.js$/, ".ts");
    found.push({ target, isPackage, isType: kind.isType ?? false, isLazy: kind.isLazy ?? false });
  };
  for (const [, isType, clause = "", specifier = ""] of text.matchAll(
    /^(?:import|export)\s+(type\s+)?([\w*\s{},$]*?)\s*from\s+"([^"]+)"/gm,
  )) {
    const names =
      /^\{([^}]*)\}$/
        .exec(clause.trim())?.[1]
        ?.split(",")
        .map((name) => name.trim()) ?? [];
    const onlyTypes = names.length > 0 && names.every((name) => name === "" || name.startsWith("type "));
    add(specifier, { isType: isType !== undefined || onlyTypes });
  }
  for (const [, specifier = ""] of text.matchAll(/^import\s+"([^"]+)"/gm)) add(specifier, {});
  for (const [, specifier = ""] of text.matchAll(/\bimport\(\s*"([^"]+)"\s*\)/g)) add(specifier, { isLazy: true });
  return found;
}

function roomOf(file: string): string {
  return file.includes("/") ? file.slice(0, file.indexOf("/")) : file;
}

function isIn(target: string, allowed: readonly string[] = []): boolean {
  return allowed.some((entry) => target === entry || target.startsWith(`${entry}/`));
}

/** Whether the rules of a file, and of its room, let this import be. */
function isAllowed(file: string, { target, isType, isLazy }: Import): boolean {
  const room = roomOf(file);
  if (!room.endsWith(".ts") && roomOf(target) === room) return true;
  return [RULES[file], RULES[room]].some(
    (rule) =>
      rule !== undefined &&
      (isIn(target, rule.values) || (isType && isIn(target, rule.types)) || (isLazy && isIn(target, rule.lazy))),
  );
}

function violations(look: (file: string, one: Import) => boolean): string[] {
  return [...IMPORTS].flatMap(([file, imports]) =>
    imports
      .filter((one) => look(file, one))
      .map(({ target, isType }) => `${file} -> ${target}${isType ? " (types)" : ""}`),
  );
}

describe("imports between rooms", () => {
  it("go one way", () => {
    // The bench suite is no part of src.
    const inside = (one: Import): boolean => !one.isPackage && !one.target.startsWith("..");
    expect(violations((file, one) => inside(one) && !isAllowed(file, one))).toEqual([]);
  });

  it("lead to files that exist", () => {
    expect(
      violations((_file, { isPackage, target }) => !isPackage && !target.startsWith("..") && !TEXTS.has(target)),
    ).toEqual([]);
  });

  it("leave src only for the bench suite, and only from its command", () => {
    expect(violations((_file, { target }) => target.startsWith(".."))).toEqual(["cli/bench.ts -> ../bench/main.ts"]);
  });

  it("never go round in a circle, file by file", () => {
    const circles: string[] = [];
    const done = new Set<string>();
    const walk = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" -> "));
      if (done.has(file) || path.includes(file)) return;
      for (const one of IMPORTS.get(file) ?? []) {
        if (!one.isPackage && !one.isType && !one.isLazy) walk(one.target, [...path, file]);
      }
      done.add(file);
    };
    for (const file of FILES) walk(file, []);
    expect(circles).toEqual([]);
  });

  it("have a rule for every room and every file at the top", () => {
    const without = [...new Set(FILES.map(roomOf))].filter((room) => !(room in RULES));
    expect(without).toEqual([]);
  });
});

describe("packages", () => {
  it.each(Object.entries(HOMES))("come in at one place: %s", (name, { values, types }) => {
    const importers = violations(
      (file, one) => one.target === name && !values.test(file) && !(one.isType && types?.test(file) === true),
    );
    expect(importers).toEqual([]);
  });

  it("of the protocol are zod and nothing else, not even Node's own", () => {
    expect(violations((file, one) => roomOf(file) === "protocol" && one.isPackage && one.target !== "zod")).toEqual([]);
  });

  it("of the client are none of Node's, but for its one way to a socket", () => {
    const isForeign = (file: string, { isPackage, target }: Import): boolean =>
      roomOf(file) === "client" && file !== "client/node-socket.ts" && isPackage && target !== "zod";
    expect(violations(isForeign)).toEqual([]);
    const isEager = (_file: string, one: Import): boolean => one.target === "client/node-socket.ts" && !one.isLazy;
    expect(violations(isEager)).toEqual([]);
  });
});

describe("settings", () => {
  it("are read from the environment at the edge only", () => {
    const readers = [...TEXTS]
      .filter(([, text]) => /\bprocess\.env\b|\bfrom "node:process"/.test(text))
      .map(([file]) => file);
    expect(readers.filter((file) => !/^(?:config\/load\.ts|main\.ts|setup\/.*|cli\/.*)$/.test(file))).toEqual([]);
    expect(readers).toContain("config/load.ts");
  });
});

describe("the sources", () => {
  it("do not switch off the lint rules that say the same", () => {
    const rules = /eslint-disable[^\n]*(?:no-restricted-imports|no-restricted-syntax)/;
    expect([...TEXTS].filter(([, text]) => rules.test(text)).map(([file]) => file)).toEqual([]);
  });
});

describe("this test", () => {
  it("has found the files, and the imports in them", () => {
    expect(FILES.length).toBeGreaterThan(50);
    expect(FILES).toEqual(
      expect.arrayContaining(["daemon.ts", "pool/lane.ts", "run/execute.ts", "container/docker-runtime.ts"]),
    );
    const all = [...IMPORTS.values()].flat();
    expect(all.length).toBeGreaterThan(200);
    expect(all.some(({ isType }) => isType) && all.some(({ isLazy }) => isLazy)).toBe(true);
    expect(IMPORTS.get("container/docker-client.ts")).toContainEqual({
      target: "dockerode",
      isPackage: true,
      isType: true,
      isLazy: false,
    });
    expect(IMPORTS.get("run/execute.ts")?.map(({ target }) => target)).toContain("pool/lane.ts");
  });

  it("reads every form of an import", () => {
    const text = [
      'import a from "a";',
      'import type { B } from "./b.js";',
      'import { type C, type D } from "../c/d.js";',
      'import {\n  type E,\n  f,\n} from "e";',
      'import * as g from "g";',
      'import "h";',
      'export { i } from "./i.js";',
      'export type { J } from "j";',
      'const k = await import("./k.js");',
    ].join("\n");
    expect(importsOf("room/file.ts", text).map(({ target, isType, isLazy }) => [target, isType, isLazy])).toEqual([
      ["a", false, false],
      ["room/b.ts", true, false],
      ["c/d.ts", true, false],
      ["e", false, false],
      ["g", false, false],
      ["room/i.ts", false, false],
      ["j", true, false],
      ["h", false, false],
      ["room/k.ts", false, true],
    ]);
  });

  it("refuses what the rules do not have", () => {
    const one = (target: string, isType = false): Import => ({ target, isPackage: false, isType, isLazy: false });
    expect(isAllowed("pool/lane.ts", one("container/docker-runtime.ts"))).toBe(false);
    expect(isAllowed("pool/lane.ts", one("container/runtime.ts", true))).toBe(true);
    expect(isAllowed("protocol/codec.ts", one("errors.ts", true))).toBe(false);
    expect(isAllowed("client/client.ts", one("run/run.ts", true))).toBe(false);
    expect(isAllowed("run/execute.ts", one("server/connection.ts"))).toBe(false);
    expect(isAllowed("cli/status.ts", one("daemon.ts"))).toBe(false);
  });
});
