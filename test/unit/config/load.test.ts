import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { type ConfigSources, loadConfig } from "../../../src/config/load.js";
import { type Config, configSchema } from "../../../src/config/schema.js";
import { ConfigError, messageOf } from "../../../src/errors.js";
import { packageRoot } from "../../../src/package-root.js";

const SHIPPED = join(packageRoot(), "config", "default.yaml");
const LANES = "lanes:\n  python:\n    language: python\n";

let folder: string;
let files = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "matchbox-config-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function write(text: string): Promise<string> {
  files += 1;
  const path = join(folder, `${files}.yaml`);
  await writeFile(path, text);
  return path;
}

async function load(text: string, sources: Omit<ConfigSources, "path"> = {}): Promise<Config> {
  return loadConfig({ path: await write(text), env: {}, ...sources });
}

/** The lines of a refusal, with the file's own path taken out of them. */
async function refusal(text: string, sources: Omit<ConfigSources, "path"> = {}): Promise<string[]> {
  const path = await write(text);
  const error: unknown = await loadConfig({ path, env: {}, ...sources }).catch((failure: unknown) => failure);
  expect(error).toBeInstanceOf(ConfigError);
  return messageOf(error).replaceAll(path, "FILE").split("\n");
}

describe("the configuration that comes with Matchbox", () => {
  it("says the schema's own defaults", async () => {
    const shipped = await loadConfig({ env: {} });
    const bare = configSchema.parse({ lanes: { any: { language: "python" } } });
    for (const section of ["server", "engine", "egress", "log"] as const)
      expect(shipped[section]).toEqual(bare[section]);
  });

  it("says the schema's own defaults in its lanes, but for what makes each the lane it is", async () => {
    const { lanes } = await loadConfig({ env: {} });
    const bare = configSchema.parse({ lanes: { any: { language: "python" } } }).lanes["any"]!;
    expect(lanes).toEqual({
      python: { ...bare, warm: 8 },
      shell: {
        ...bare,
        language: "shell",
        network: "egress",
        timeoutMs: 120_000,
        maxTimeoutMs: 120_000,
        homeMiB: 256,
      },
    });
  });

  it("names every key that there is", async () => {
    const written = parse(await readFile(SHIPPED, "utf8")) as Config;
    const effective = await loadConfig({ env: {} });
    for (const section of ["server", "engine", "egress", "log"] as const) {
      expect(Object.keys(written[section]).sort()).toEqual(Object.keys(effective[section]).sort());
    }
    expect(Object.keys(written.lanes["python"]!).sort()).toEqual(Object.keys(effective.lanes["python"]!).sort());
  });
});

describe("a lane that the configuration shows in comments", () => {
  /** What the shipped file means with the comments taken off one lane. */
  const shown = async (name: string): Promise<Config["lanes"][string]> => {
    const text = await readFile(SHIPPED, "utf8");
    const comment = new RegExp(`^ {2}# ${name}:\\n(?: {2}# {3}.*\\n)+`, "m").exec(text)?.[0] ?? "";
    return (await load(text.replace(comment, comment.replaceAll(/^ {2}# /gm, "  ")))).lanes[name]!;
  };

  it("is one that can be used, as it is written there: data", async () => {
    const lane = await shown("data");
    expect(lane).toMatchObject({ target: "data", image: null, network: "none", warm: 2 });
    expect(lane.preload).toContain("matplotlib.pyplot");
  });

  it("is one that can be used, as it is written there: node", async () => {
    expect(await shown("node")).toMatchObject({ language: "node", image: "node:22-slim", command: null, warm: 2 });
  });
});

describe("a configuration file", () => {
  it("needs no more than a lane", async () => {
    const config = await load(LANES);
    expect(config.lanes["python"]).toMatchObject({ language: "python", warm: 4 });
    expect(config.server.listen).toBe("127.0.0.1:7070");
  });

  it.each<[string, string, RegExp]>([
    ["an unknown key", `server:\n  port: 1\n${LANES}`, /^FILE:2: server\.port: there is no such key$/],
    ["an unknown section", `srever: {}\n${LANES}`, /^FILE:1: srever: there is no such key$/],
    ["an unknown key of a lane", `${LANES}    timeout: 30\n`, /^FILE:4: lanes\.python\.timeout: there is no such key$/],
    [
      "a unit in the value",
      `${LANES}    timeoutMs: 30s\n`,
      /^FILE:4: lanes\.python\.timeoutMs is "30s", but must be a whole number of milliseconds from 1 to 86400000$/,
    ],
    [
      "a number below the range",
      `${LANES}    pids: -1\n`,
      /^FILE:4: lanes\.python\.pids is -1, but must be a whole number of processes and threads from 8 to 100000$/,
    ],
    [
      "a number above the range",
      `${LANES}    maxQueued: 100001\n`,
      /^FILE:4: lanes\.python\.maxQueued is 100001, but must be .* from 0 to 100000$/,
    ],
    ["a fraction", `${LANES}    warm: 1.5\n`, /^FILE:4: lanes\.python\.warm is 1\.5, but must be a whole number/],
    [
      "a number that is none",
      `${LANES}    memoryMiB: .nan\n`,
      /^FILE:4: lanes\.python\.memoryMiB .*must be a whole number of MiB/,
    ],
    [
      "a number beyond all",
      `${LANES}    memoryMiB: .inf\n`,
      /^FILE:4: lanes\.python\.memoryMiB .*must be a whole number of MiB/,
    ],
    ["a number as text", `${LANES}    warm: "8"\n`, /^FILE:4: lanes\.python\.warm is "8", but must be a whole number/],
    [
      "too few processors",
      `${LANES}    cpus: 0\n`,
      /^FILE:4: lanes\.python\.cpus is 0, but must be a number of processors from 0\.05 to 256$/,
    ],
    [
      "an unknown language",
      "lanes:\n  ruby:\n    language: ruby\n",
      /^FILE:3: lanes\.ruby\.language is "ruby", but .*python.*shell/,
    ],
    ["no language", "lanes:\n  python:\n    warm: 1\n", /^FILE:\d+: lanes\.python\.language .*python.*shell/],
    [
      "an unknown network",
      `${LANES}    network: host\n`,
      /^FILE:4: lanes\.python\.network is "host", but .*none.*egress/,
    ],
    [
      "an address without a port",
      `server:\n  listen: localhost\n${LANES}`,
      /^FILE:2: server\.listen is "localhost", but must be "host:port"/,
    ],
    [
      "a socket's path that the kernel would cut",
      `server:\n  listen: unix:/${"x".repeat(107)}\n${LANES}`,
      /server\.listen .*must have a path of at most 107 bytes \(got 108\)/,
    ],
    [
      "a path over the bound in bytes only",
      `server:\n  listen: unix:/${"é".repeat(54)}\n${LANES}`,
      /server\.listen .*must have a path of at most 107 bytes \(got 109\)/,
    ],
    [
      "a port that does not exist",
      `server:\n  listen: localhost:65536\n${LANES}`,
      /^FILE:2: server\.listen is "localhost:65536", but must have a port from 0 to 65535$/,
    ],
    [
      "a token too short",
      `server:\n  tokens:\n    - short\n${LANES}`,
      /^FILE:3: server\.tokens\.0 .*must have at least 16 characters$/,
    ],
    ["a value where a section belongs", `server: 5\n${LANES}`, /^FILE:1: server is 5, but .*object/],
    [
      "a list where a value belongs",
      `${LANES}    warm: [1]\n`,
      /^FILE:4: lanes\.python\.warm .*must be a whole number/,
    ],
    [
      "a profile named unconfined",
      `${LANES}    seccomp: unconfined\n`,
      /^FILE:4: lanes\.python\.seccomp is "unconfined", but must be an absolute path/,
    ],
    [
      "a profile by a path that depends on the working directory",
      `${LANES}    seccomp: ./profile.json\n`,
      /^FILE:4: lanes\.python\.seccomp is "\.\/profile\.json", but must be an absolute path/,
    ],
    ["a profile switched off", `${LANES}    seccomp: false\n`, /^FILE:4: lanes\.python\.seccomp is false, but .*/],
    [
      "a masked path that climbs",
      `${LANES}    maskedPaths: [/usr/../etc]\n`,
      /^FILE:4: lanes\.python\.maskedPaths\.0 is "\/usr\/\.\.\/etc", but must be an absolute path/,
    ],
    [
      "the root masked",
      `${LANES}    maskedPaths: [/]\n`,
      /^FILE:4: lanes\.python\.maskedPaths\.0 is "\/", but must be/,
    ],
    [
      "no limit on inodes",
      `${LANES}    tmpInodes: 0\n`,
      /^FILE:4: lanes\.python\.tmpInodes is 0, but must be a whole number of inodes from 16 to 10000000$/,
    ],
    [
      "more warm than there may be",
      `${LANES}    warm: 9\n    maxSandboxes: 8\n`,
      /^FILE:4: lanes\.python\.warm is 9, but must not be over maxSandboxes$/,
    ],
    [
      "a stock that follows the runs without a bound",
      `${LANES}    warm: {min: 1}\n`,
      /^FILE:4: lanes\.python\.warm\.max must be a whole number of sandboxes from 1 to 1000$/,
    ],
    [
      "a stock with its bounds the wrong way round",
      `${LANES}    warm:\n      min: 9\n      max: 8\n`,
      /^FILE:5: lanes\.python\.warm\.min is 9, but must not be over max$/,
    ],
    [
      "a stock that may grow over what there may be",
      `${LANES}    maxSandboxes: 8\n    warm: {max: 9}\n`,
      /^FILE:5: lanes\.python\.warm\.max is 9, but must not be over maxSandboxes$/,
    ],
    [
      "a hit rate in percent",
      `${LANES}    warm: {max: 8, target: 99.9}\n`,
      /^FILE:4: lanes\.python\.warm\.target is 99\.9, but must be a share of runs from 0\.5 to 0\.9999$/,
    ],
    [
      "a key that no stock has",
      `${LANES}    warm: {max: 8, most: 9}\n`,
      /^FILE:4: lanes\.python\.warm\.most: there is no such key$/,
    ],
    [
      "a stock that is neither a number nor a section",
      `${LANES}    warm: many\n`,
      /^FILE:4: lanes\.python\.warm is "many", but must be a whole number of sandboxes from 0 to 1000, or \{min, max, target\} for a stock that follows the runs$/,
    ],
    [
      "a time-out over the longest",
      `${LANES}    timeoutMs: 9\n    maxTimeoutMs: 8\n`,
      /^FILE:4: lanes\.python\.timeoutMs is 9, but must not be over maxTimeoutMs$/,
    ],
    [
      "a grace over the longest",
      `${LANES}    graceMs: 9\n    maxGraceMs: 8\n`,
      /^FILE:4: lanes\.python\.graceMs is 9, but must not be over maxGraceMs$/,
    ],
    [
      "a grace that keeps sandboxes for long",
      `${LANES}    maxGraceMs: 60001\n`,
      /^FILE:4: lanes\.python\.maxGraceMs is 60001, but must be a whole number of milliseconds from 0 to 60000$/,
    ],
    [
      "a network that is none",
      `egress:\n  allow: [10.0.0.0/33]\n${LANES}`,
      /^FILE:2: egress\.allow\.0 is "10\.0\.0\.0\/33", but must be an IPv4 address or network/,
    ],
    [
      "a resolver that would be the sandbox itself",
      `egress:\n  dns: [127.0.0.53]\n${LANES}`,
      /^FILE:2: egress\.dns\.0 is "127\.0\.0\.53", but must not be on the loopback/,
    ],
    ["no resolver", `egress:\n  dns: []\n${LANES}`, /^FILE:2: egress\.dns .*must name a resolver, or be null/],
    [
      "root as the user",
      `${LANES}    user: "0:10001"\n`,
      /^FILE:4: lanes\.python\.user is "0:10001", but must not be root, neither the user nor the group/,
    ],
    ["root's group", `${LANES}    user: "10001:00"\n`, /lanes\.python\.user is "10001:00", but must not be root/],
    [
      "a user by name",
      `${LANES}    user: nobody\n`,
      /^FILE:4: lanes\.python\.user is "nobody", but must be the numbers of a user and a group, such as "10001:10001"$/,
    ],
    [
      "a user whom the kernel takes for nobody",
      `${LANES}    user: "4294967295:1"\n`,
      /lanes\.python\.user is "4294967295:1", but must have numbers from 1 to 4294967294$/,
    ],
    [
      "a language that is other, without a command",
      "lanes:\n  ruby:\n    language: other\n",
      /^FILE:3: lanes\.ruby\.command must be given where the language is other, such as \[ruby\]$/,
    ],
    [
      "a command of no words",
      `${LANES}    command: []\n`,
      /^FILE:4: lanes\.python\.command must name a program, or be null/,
    ],
    [
      "a command with an empty word",
      `${LANES}    command: [python3, ""]\n`,
      /^FILE:4: lanes\.python\.command\.1 is "", but must not be empty$/,
    ],
    [
      "a main file in a folder",
      `${LANES}    mainFile: src/main.py\n`,
      /^FILE:4: lanes\.python\.mainFile is "src\/main\.py", but must be a plain name/,
    ],
    [
      "a main file that climbs",
      `${LANES}    mainFile: ..\n`,
      /^FILE:4: lanes\.python\.mainFile is "\.\.", but must be a plain name/,
    ],
    [
      "a variable that the sandbox itself reads",
      `${LANES}    env: { LD_PRELOAD: /x.so }\n`,
      /^FILE:4: lanes\.python\.env\.LD_PRELOAD .*is not a name that a program's environment may set/,
    ],
    [
      "no graphics processor",
      `${LANES}    gpus: 0\n`,
      /^FILE:4: lanes\.python\.gpus is 0, but must be "all", how many/,
    ],
    [
      "a graphics processor by a name that is none",
      `${LANES}    gpus: ["0,1"]\n`,
      /^FILE:4: lanes\.python\.gpus\.0 is "0,1", but must be "all", how many from 1 to 64, or a list of devices/,
    ],
    [
      "a module to preload that is none",
      `${LANES}    preload: [json, "os; import x"]\n`,
      /^FILE:4: lanes\.python\.preload\.1 is "os; import x", but must be the name of a Python module/,
    ],
    [
      "a module's name that ends in a dot",
      `${LANES}    preload: [json.]\n`,
      /^FILE:4: lanes\.python\.preload\.0 .*name/,
    ],
    [
      "a module's name beyond all",
      `${LANES}    preload: [${"a".repeat(129)}]\n`,
      /^FILE:4: lanes\.python\.preload\.0 .*at most 128 characters$/,
    ],
    [
      "more modules than that",
      `${LANES}    preload: [${Array.from({ length: 65 }, (_, index) => `m${index}`).join(", ")}]\n`,
      /^FILE:4: lanes\.python\.preload .*at most 64 modules$/,
    ],
    [
      "a module named twice",
      `${LANES}    preload: [json, json]\n`,
      /^FILE:4: lanes\.python\.preload must not name a module twice$/,
    ],
    [
      "modules for a shell",
      "lanes:\n  sh:\n    language: shell\n    preload: [json]\n",
      /^FILE:4: lanes\.sh\.preload must be empty: only lanes of language python import modules$/,
    ],
    [
      "an image of ours that there is not",
      `${LANES}    target: science\n`,
      /^FILE:4: lanes\.python\.target is "science", but .*sandbox.*data/,
    ],
    [
      "an image of ours and another",
      `${LANES}    image: own:1\n    target: data\n`,
      /^FILE:5: lanes\.python\.target is "data", but chooses among Matchbox's own images/,
    ],
    ["no lanes", "lanes: {}\n", /^FILE:1: lanes .*must have at least one lane$/],
    [
      "a lane's name in capitals",
      "lanes:\n  Python:\n    language: python\n",
      /^FILE:\d: lanes\.Python.* a lane's name must be 1 to 63 of a-z 0-9 -/,
    ],
    ["a lane named __proto__", "lanes:\n  __proto__:\n    language: python\n", /^FILE:\d: lanes/],
    ["no lanes at all", "server: {}\n", /^FILE.*: lanes .*/],
  ])("is refused with place, value and what is allowed: %s", async (_what, text, line) => {
    expect(await refusal(text)).toEqual([expect.stringMatching(line)]);
  });

  it.each<[string, string, RegExp]>([
    ["a key given twice", `${LANES}    warm: 1\n    warm: 2\n`, /^FILE: Map keys must be unique at line 5/],
    ["no YAML", "lanes: [1\n", /^FILE: .*line \d/],
    ["a tab for indentation", "lanes:\n\tpython: {}\n", /^FILE: .*line 2/],
  ])("is refused when it cannot be read: %s", async (_what, text, line) => {
    expect((await refusal(text))[0]).toMatch(line);
  });

  it.each([
    ["nothing", ""],
    ["only comments", "# nothing\n"],
    ["a list", "- 1\n"],
    ["a text", "hello\n"],
  ])("is refused with %s in it", async (_what, text) => {
    expect((await refusal(text))[0]).toMatch(/^FILE/);
  });

  it("that is not there is named", async () => {
    const path = join(folder, "absent.yaml");
    await expect(loadConfig({ path, env: {} })).rejects.toThrow(ConfigError);
    await expect(loadConfig({ path, env: {} })).rejects.toThrow(`${path}: cannot be read: ENOENT`);
  });

  it("has a line for each mistake", async () => {
    const lines = await refusal(`server:\n  maxConnections: 0\n${LANES}    warm: x\n    pids: 1\n`);
    expect(lines.map((line) => /^FILE:(\d+)/.exec(line)?.[1])).toEqual(["2", "6", "7"]);
  });

  it("has a line for each unknown key, several in one section included", async () => {
    const lines = await refusal(`server:\n  port: 1\n  host: x\n${LANES}`);
    expect(lines).toEqual(["FILE:2: server.port: there is no such key", "FILE:3: server.host: there is no such key"]);
  });
});

describe("an assignment on the command line", () => {
  it("wins over the file and over the environment", async () => {
    const config = await load(`server:\n  listen: 127.0.0.1:1\n${LANES}    warm: 1\n`, {
      env: { MATCHBOX_LISTEN: "127.0.0.1:2" },
      overrides: ["server.listen=127.0.0.1:3", "lanes.python.warm=2"],
    });
    expect([config.server.listen, config.lanes["python"]?.warm]).toEqual(["127.0.0.1:3", 2]);
  });

  it("may come twice: the last one counts", async () => {
    const config = await load(LANES, { overrides: ["lanes.python.warm=2", "lanes.python.warm=3"] });
    expect(config.lanes["python"]?.warm).toBe(3);
  });

  it.each<[string, (config: Config) => unknown, unknown]>([
    ["engine.socket=null", ({ engine }) => engine.socket, null],
    ["server.tokens=[0123456789abcdef]", ({ server }) => server.tokens, ["0123456789abcdef"]],
    ["lanes.shell={language: shell}", ({ lanes }) => lanes["shell"]?.language, "shell"],
    ["lanes.python.cpus=1.5", ({ lanes }) => lanes["python"]?.cpus, 1.5],
    ["server.listen=unix:/run/matchbox.sock", ({ server }) => server.listen, "unix:/run/matchbox.sock"],
    ["server.listen=[::1]:7070", ({ server }) => server.listen, "[::1]:7070"],
  ])("is read as the file would be: %s", async (override, look, value) => {
    expect(look(await load(LANES, { overrides: [override] }))).toEqual(value);
  });

  it.each<[string, RegExp]>([
    ["lanes.python.warm", /^--set lanes\.python\.warm: must look like/],
    ["=5", /^--set =5: must look like/],
    [
      "lanes.python.warm.max=0",
      /^--set lanes\.python\.warm\.max=0: lanes\.python\.warm\.max is 0, but must be .* from 1/,
    ],
    [
      "lanes.python.warm.max=9999",
      /^--set .*warm\.max is 9999, but must be a whole number of sandboxes from 1 to 1000$/,
    ],
    ["lanes.python.warm=x", /^--set lanes\.python\.warm=x: lanes\.python\.warm .*must be a whole number of sandboxes/],
    ["lanes.python.pids=1", /^--set lanes\.python\.pids=1: lanes\.python\.pids .*from 8 to 100000/],
    ["lanes.python.speed=1", /^--set lanes\.python\.speed=1: lanes\.python\.speed: there is no such key/],
    ["server.listen.port=1", /^--set server\.listen\.port=1: .*server\.listen/],
    ["lanes.python.warm=[", /^--set lanes\.python\.warm=\[: the value is not valid YAML/],
    ["lanes.python.warm=", /^--set lanes\.python\.warm=: lanes\.python\.warm .*must be a whole number/],
    ["lanes.shell={language: shell, warm: -1}", /^--set lanes\.shell=.*: lanes\.shell\.warm .*must be a whole number/],
  ])("is refused with itself as the origin: --set %s", async (override, line) => {
    expect(await refusal(`server:\n  listen: 127.0.0.1:1\n${LANES}    warm: 1\n`, { overrides: [override] })).toEqual([
      expect.stringMatching(line),
    ]);
  });
});

describe("the environment", () => {
  it.each<[string, string, (config: Config) => unknown, unknown]>([
    ["MATCHBOX_LISTEN", "127.0.0.1:9", ({ server }) => server.listen, "127.0.0.1:9"],
    ["MATCHBOX_LISTEN", "[::1]:9", ({ server }) => server.listen, "[::1]:9"],
    ["MATCHBOX_LISTEN", "unix:/tmp/m.sock", ({ server }) => server.listen, "unix:/tmp/m.sock"],
    ["MATCHBOX_LOG_LEVEL", "debug", ({ log }) => log.level, "debug"],
    ["MATCHBOX_ENGINE_SOCKET", "tcp://e:1", ({ engine }) => engine.socket, "tcp://e:1"],
    ["MATCHBOX_INSTANCE", "blue", ({ engine }) => engine.instance, "blue"],
    ["MATCHBOX_INSTANCE", "42", ({ engine }) => engine.instance, "42"],
    ["DOCKER_HOST", "unix:///run/e.sock", ({ engine }) => engine.socket, "unix:///run/e.sock"],
    ["MATCHBOX_TOKEN", "0123456789abcdef", ({ server }) => server.tokens, ["0123456789abcdef"]],
    ["MATCHBOX_TOKEN", "", ({ server }) => server.tokens, []],
    ["MATCHBOX__lanes__python__warm", "3", ({ lanes }) => lanes["python"]?.warm, 3],
    [
      "MATCHBOX__lanes__python__warm__max",
      "16",
      ({ lanes }) => lanes["python"]?.warm,
      { min: 1, max: 16, target: 0.999, idleMiB: 10 },
    ],
    ["MATCHBOX__lanes__python__preload", "[json, re]", ({ lanes }) => lanes["python"]?.preload, ["json", "re"]],
    ["MATCHBOX__lanes__two-b", "{language: shell}", ({ lanes }) => lanes["two-b"]?.language, "shell"],
    ["MATCHBOX__server__listen", "[::1]:9", ({ server }) => server.listen, "[::1]:9"],
    ["MATCHBOX__engine__socket", "null", ({ engine }) => engine.socket, null],
  ])("overrides the file: %s=%s", async (variable, value, look, expected) => {
    expect(look(await load(LANES, { env: { [variable]: value } }))).toEqual(expected);
  });

  it("adds a token to those of the file", async () => {
    const config = await load(`server:\n  tokens: [aaaaaaaaaaaaaaaa]\n${LANES}`, {
      env: { MATCHBOX_TOKEN: "b".repeat(16) },
    });
    expect(config.server.tokens).toEqual(["a".repeat(16), "b".repeat(16)]);
  });

  it("names an engine only where nothing more particular does", async () => {
    const config = await load(LANES, { env: { DOCKER_HOST: "unix:///a", MATCHBOX_ENGINE_SOCKET: "unix:///b" } });
    expect(config.engine.socket).toBe("unix:///b");
  });

  it("is refused with the variable as the origin, the value and what is allowed", async () => {
    expect(await refusal(LANES, { env: { MATCHBOX_LOG_LEVEL: "loud" } })).toEqual([
      expect.stringMatching(/^environment variable MATCHBOX_LOG_LEVEL: log\.level is "loud", but .*trace.*fatal/),
    ]);
  });

  it("says so where a key is not there, or not a number", async () => {
    expect(await refusal(LANES, { env: { MATCHBOX__lanes__python__warn: "3" } })).toEqual([
      "environment variable MATCHBOX__lanes__python__warn: lanes.python.warn: there is no such key",
    ]);
    expect(await refusal(LANES, { env: { MATCHBOX__lanes__python__warm: "many" } })).toEqual([
      expect.stringMatching(/^environment variable MATCHBOX__lanes__python__warm: lanes\.python\.warm is "many", but /),
    ]);
    expect(await refusal(LANES, { env: { MATCHBOX__: "3" } })).toEqual([
      expect.stringMatching(/^environment variable MATCHBOX__: /),
    ]);
  });

  it("gives way to an assignment on the command line", async () => {
    const config = await load(LANES, {
      env: { MATCHBOX__lanes__python__warm: "3", MATCHBOX__lanes__python__maxSandboxes: "9" },
      overrides: ["lanes.python.warm=4"],
    });
    expect(config.lanes["python"]).toMatchObject({ warm: 4, maxSandboxes: 9 });
  });

  it("may not have a token that the file may not have, and the refusal does not tell it", async () => {
    const [line] = await refusal(LANES, { env: { MATCHBOX_TOKEN: "short" } });
    expect(line).toMatch(/MATCHBOX_TOKEN.* at least 16 characters/);
    expect(line).not.toContain("short");
  });

  it("changes nothing by variables that are none of ours", async () => {
    expect(await load(LANES, { env: { MATCHBOX_LANES: "x", LISTEN: "x" } })).toEqual(await load(LANES));
  });
});
