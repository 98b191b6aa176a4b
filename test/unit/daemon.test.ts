import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { describeChange } from "../../src/config/changes.js";
import { loadConfig } from "../../src/config/load.js";
import type { Config } from "../../src/config/schema.js";
import { Daemon } from "../../src/daemon.js";
import { EngineRefusedError } from "../../src/container/errors.js";
import { ConfigError, messageOf } from "../../src/errors.js";
import type { Lane } from "../../src/pool/lane.js";
import { sandboxSpec } from "../../src/pool/spec.js";
import { FAKE_IMAGE, FakeEngine } from "../support/fake-runtime.js";
import { ManualClock } from "../support/manual-clock.js";
import { failureOf, standing } from "../support/promises.js";
import { laneConfig } from "./pool/rig.js";

/** Two lanes of a fixed size; what a test overrides comes after these. */
const SETTINGS = [
  "server.listen=127.0.0.1:0",
  "server.shutdownGraceMs=0",
  "engine.retryMinMs=50",
  "lanes.python.warm=2",
  "lanes.python.maxSandboxes=8",
  "lanes.shell.warm=1",
  "lanes.shell.network=none",
];

/** Where others can reach it, a daemon without a token is none. */
const REACHABLE = ["server.listen=0.0.0.0:0", "server.tokens=[a-token-for-the-test-0123456789]"];

async function configWith(overrides: readonly string[]): Promise<Config> {
  return loadConfig({ overrides: [...SETTINGS, ...overrides] });
}

/** A daemon on the fake engine, with the time in the test's hands. */
class DaemonRig implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly engine = new FakeEngine(this.clock);
  readonly #lines: string[] = [];
  #daemon: Daemon | undefined;

  /** One whose lanes are full, or degraded. */
  static async start(overrides: readonly string[] = []): Promise<DaemonRig> {
    const rig = new DaemonRig();
    rig.#daemon = await Daemon.start({
      config: await configWith(overrides),
      imageOf: () => FAKE_IMAGE,
      clock: rig.clock,
      log: pino({ level: "info" }, { write: (line) => rig.#lines.push(line) }),
      runtime: ({ instance }) => rig.engine.runtime(instance),
    });
    await rig.pass(rig.daemon.settled(new AbortController().signal));
    return rig;
  }

  get daemon(): Daemon {
    return this.#daemon!;
  }

  /** The sandboxes that are there. */
  get ids(): string[] {
    return this.engine.sandboxes.map(({ id }) => id).sort();
  }

  lane(name: string): Lane {
    return this.daemon.lanes.get(name);
  }

  /** What was logged of a lane. */
  logOf(lane: string): unknown[] {
    const lines = this.#lines.map((line) => JSON.parse(line) as { lane?: string; msg: string });
    return lines.filter((line) => line.lane === lane).map(({ msg }) => msg);
  }

  /** Asks for another configuration. @returns what has changed, in words */
  async reload(...overrides: readonly string[]): Promise<string[]> {
    return (await this.daemon.reload(await configWith(overrides))).map(describeChange);
  }

  /** Lets time pass until this has settled. */
  async pass<T>(outcome: Promise<T>): Promise<T> {
    while ((await standing(outcome)) === "pending") await this.clock.advance(10);
    return outcome;
  }

  /** Lets time pass until this is so. */
  async passUntil(isSo: () => boolean): Promise<void> {
    while (!isSo()) await this.clock.advance(10);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.engine.behaviour.fault = "none";
    await this.pass(this.daemon[Symbol.asyncDispose]());
    expect([this.ids, this.clock.sleeping]).toEqual([[], 0]);
  }
}

/** Waits for a sandbox of a lane, as a run does. */
function acquire({ clock }: DaemonRig, lane: Lane): ReturnType<Lane["acquire"]> {
  return lane.acquire({
    client: "anybody",
    party: "anybody",
    queueMs: 60_000,
    askedAt: clock.now(),
    signal: new AbortController().signal,
    onMiss: () => undefined,
    onQueued: () => undefined,
  });
}

describe("a daemon", () => {
  it("fills its lanes", async () => {
    await using rig = await DaemonRig.start();
    expect(rig.daemon.report().lanes.map(({ name, state, stock: { warm } }) => [name, state, warm])).toEqual([
      ["python", "ready", 2],
      ["shell", "ready", 1],
    ]);
  });

  it("reaps what nobody owns any more of its instance, and of no other, every half minute", async () => {
    await using rig = await DaemonRig.start(["engine.instance=mine"]);
    const before = rig.ids;
    const spec = sandboxSpec("python", laneConfig(), { image: FAKE_IMAGE, ociRuntime: null, seccompProfile: "{}" });
    const { signal } = new AbortController();
    await rig.engine.runtime("mine").launch(spec, { signal });
    const other = await rig.engine.runtime("another's").launch(spec, { signal });
    await rig.clock.advance(29_000);
    expect(rig.ids).toHaveLength(before.length + 2);
    await rig.clock.advance(1_000);
    expect(rig.ids).toEqual([...before, other.id]);
    await other.remove();
  });

  it("starts with less memory for adaptive lanes than their least comes to", async () => {
    const adaptive = (lane: string) => `lanes.${lane}.warm={min: 2, max: 4, idleMiB: 10}`;
    await using rig = await DaemonRig.start([adaptive("python"), adaptive("shell"), "sizing.memoryBudgetMiB=20"]);
    expect([...rig.daemon.lanes].map(({ name, warmTarget }) => [name, warmTarget])).toEqual([
      ["python", 1],
      ["shell", 1],
    ]);
  });
});

describe("another configuration for a daemon", () => {
  it("lets a lane of which only the size changes grow, and shrink", async () => {
    await using rig = await DaemonRig.start();
    const [lane, before] = [rig.lane("python"), rig.ids];
    expect(await rig.pass(rig.reload("lanes.python.warm=3"))).toEqual(["lanes.python.warm: 2 -> 3"]);
    expect(rig.lane("python")).toBe(lane);
    expect([lane.counts.warm, rig.ids]).toEqual([3, expect.arrayContaining(before)]);
    expect(await rig.pass(rig.reload())).toEqual(["lanes.python.warm: 3 -> 2"]);
    expect([rig.lane("python") === lane, lane.counts.warm]).toEqual([true, 2]);
  });

  it("has a lane that changes otherwise made anew, which takes its place when it is full", async () => {
    await using rig = await DaemonRig.start();
    const [old, shell] = [rig.lane("python"), rig.lane("shell")];
    rig.engine.behaviour.launchMs = 500;
    const change = rig.reload("lanes.python.maxSandboxes=9");
    await rig.passUntil(() => rig.engine.launches.length === 5);
    expect([await standing(change), rig.lane("python") === old, old.state]).toEqual(["pending", true, "ready"]);
    expect(await rig.pass(change)).toEqual(["lanes.python.maxSandboxes: 8 -> 9"]);
    expect([rig.lane("python") === old, rig.lane("shell") === shell]).toEqual([false, true]);
    expect(rig.lane("python")).toMatchObject({ state: "ready", counts: { warm: 2 } });
    await rig.passUntil(() => rig.ids.length === 3);
    expect(old.state).toBe("closing");
  });

  it("lets who waits in a lane that goes be served in it", async () => {
    await using rig = await DaemonRig.start(["lanes.python.warm=1", "lanes.python.maxSandboxes=1"]);
    const old = rig.lane("python");
    const held = await acquire(rig, old);
    const waiting = acquire(rig, old);
    await rig.pass(rig.reload("lanes.python.warm=1", "lanes.python.maxSandboxes=2"));
    expect([await standing(waiting), old.state]).toEqual(["pending", "ready"]);
    await rig.pass(held[Symbol.asyncDispose]());
    const served = await rig.pass(waiting);
    await rig.pass(served[Symbol.asyncDispose]());
    await rig.passUntil(() => old.state === "closing");
  });

  it("adds lanes, and takes lanes away", async () => {
    await using rig = await DaemonRig.start();
    const names = () => [...rig.daemon.lanes].map(({ name }) => name);
    expect(await rig.pass(rig.reload("lanes.second={language: python, warm: 1}"))).toEqual(["lanes.second: added"]);
    expect([names(), rig.ids.length]).toEqual([["python", "shell", "second"], 4]);
    expect(await rig.pass(rig.reload())).toEqual(["lanes.second: removed"]);
    expect(names()).toEqual(["python", "shell"]);
    await rig.passUntil(() => rig.ids.length === 3);
  });

  it.each([
    ["names what only a start can change", "server.listen=127.0.0.1:1", /^server\.listen: takes effect only/],
    ["has a profile that cannot be read", "lanes.shell.seccomp=/absent.json", /^lanes\.shell\.seccomp: /],
    // The last step of all, when lanes that stay have been changed already.
    ["leaves the listener without a token that it needs", "server.tokens=[]", /^server\.listen: .* no token/],
  ])("is refused, and everything is as before, when it %s", async (_what, mistake, reason) => {
    await using rig = await DaemonRig.start(REACHABLE);
    const lanes = [...rig.daemon.lanes];
    const others = ["lanes.python.warm=4", "lanes.third={language: python, warm: 1}", "log.level=fatal"];
    const error = await rig.pass(failureOf(rig.reload(...REACHABLE, ...others, mistake)));
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toMatch(reason);
    expect([...rig.daemon.lanes]).toEqual(lanes);
    await rig.passUntil(() => rig.ids.length === 3);
    expect(rig.lane("python")).toMatchObject({ warmTarget: 2, config: { warm: 2 }, counts: { warm: 2 } });
    // Of a lane that was only tried, nobody hears.
    expect(rig.logOf("shell")).toEqual([]);
    expect(await rig.pass(rig.reload(...REACHABLE))).toEqual([]);
  });

  it("gives no memory to adaptive lanes, and takes none from them, when it is refused at last", async () => {
    const sized = (budgetMiB: number) => [
      ...REACHABLE,
      "lanes.python.warm={min: 2, max: 4, idleMiB: 10}",
      `sizing.memoryBudgetMiB=${budgetMiB}`,
    ];
    await using rig = await DaemonRig.start(sized(10));
    const stock = () => ({ warmTarget: rig.lane("python").warmTarget, warm: rig.lane("python").counts.warm });
    expect(stock()).toEqual({ warmTarget: 1, warm: 1 });
    await rig.pass(failureOf(rig.reload(...sized(100), "server.tokens=[]")));
    expect(rig.engine.launches).toHaveLength(3);
    expect(stock()).toEqual({ warmTarget: 1, warm: 1 });
    await rig.pass(rig.reload(...sized(100)));
    expect(stock()).toEqual({ warmTarget: 2, warm: 2 });
  });

  it("counts at once for what lanes log, those that stay and those that are new", async () => {
    await using rig = await DaemonRig.start();
    /** Has every lane degraded and recovered. @returns what was logged of each meanwhile */
    const logOfTrouble = async (): Promise<unknown[]> => {
      const before = [rig.logOf("python").length, rig.logOf("shell").length] as const;
      for (const { onUndone } of rig.engine.watchers)
        onUndone(Promise.reject(new EngineRefusedError("rules are gone")));
      await rig.passUntil(() => [...rig.daemon.lanes].every(({ state }) => state === "degraded"));
      await rig.passUntil(() => [...rig.daemon.lanes].every(({ state }) => state === "ready"));
      return [rig.logOf("python").slice(before[0]), rig.logOf("shell").slice(before[1])];
    };
    await rig.pass(rig.reload("log.level=fatal"));
    expect(await logOfTrouble()).toEqual([[], []]);
    await rig.pass(rig.reload("lanes.python.maxSandboxes=9"));
    const told = ["the lane is degraded", "the lane has recovered"];
    expect(await logOfTrouble()).toEqual([told, told]);
  });

  it("is taken with a lane that cannot be made, which is told of as at the start; the others are changed", async () => {
    await using rig = await DaemonRig.start();
    const before = rig.logOf("shell").length;
    const changes = await rig.pass(rig.reload("lanes.python.warm=3", "lanes.shell.image=absent:1"));
    expect(changes).toEqual(["lanes.python.warm: 2 -> 3", 'lanes.shell.image: null -> "absent:1"']);
    expect(rig.lane("shell").state).toBe("degraded");
    expect(rig.lane("shell").fault?.message).toMatch(/^The image absent:1 is not there/);
    expect(rig.lane("python")).toMatchObject({ state: "ready", counts: { warm: 3 } });
    expect(rig.logOf("shell").slice(before)).toEqual(["the lane is degraded"]);
    await rig.passUntil(() => rig.ids.length === 3);
  });

  it("is refused while the engine does not answer, which says nothing about the lanes", async () => {
    await using rig = await DaemonRig.start();
    const lanes = [...rig.daemon.lanes];
    rig.engine.behaviour.fault = "engine_down";
    const refusal = await rig.pass(failureOf(rig.reload("lanes.python.maxSandboxes=9")));
    expect(refusal).toEqual(new ConfigError("lanes.python: The engine does not answer."));
    expect([...rig.daemon.lanes]).toEqual(lanes);
    rig.engine.behaviour.fault = "none";
  });

  it("waits for the one before it, and is compared with what that one has left", async () => {
    await using rig = await DaemonRig.start();
    rig.engine.behaviour.launchMs = 500;
    const asked = [
      ["lanes.python.warm=3"],
      ["lanes.python.warm=3", "lanes.shell.seccomp=/absent.json"],
      ["lanes.python.warm=3", "lanes.shell.warm=2"],
    ];
    const configs = await Promise.all(asked.map(configWith));
    const outcomes = configs.map((config) =>
      rig.daemon.reload(config).then((changes) => changes.map(describeChange), messageOf),
    );
    expect(await rig.pass(Promise.all(outcomes))).toEqual([
      ["lanes.python.warm: 2 -> 3"],
      expect.stringMatching(/^lanes\.shell\.seccomp: /),
      ["lanes.shell.warm: 1 -> 2"],
    ]);
  });

  it("does not keep the daemon from stopping while it is being tried", async () => {
    await using rig = await DaemonRig.start();
    rig.engine.behaviour.launchMs = 500;
    const refusal = failureOf(rig.reload("lanes.python.maxSandboxes=9"));
    await rig.passUntil(() => rig.engine.launches.length === 5);
    const order: string[] = [];
    const stop = rig.daemon[Symbol.asyncDispose]().then(() => order.push("stopped"));
    await rig.pass(Promise.all([refusal.then(() => order.push("refused")), stop]));
    expect(order).toEqual(["refused", "stopped"]);
    expect(await refusal).toEqual(new ConfigError("the daemon is stopping"));
    expect(await failureOf(rig.reload())).toEqual(new ConfigError("the daemon is stopping"));
  });
});
