import { afterEach, describe, expect, it } from "vitest";
import { watchRules } from "../../../src/container/egress-watch.js";
import { resolversIn } from "../../../src/container/docker-egress.js";
import { ManualClock, settle } from "../../support/manual-clock.js";

/** Rules under watch, on a host that may tell of its changes. */
class Rig {
  readonly clock = new ManualClock();
  readonly closing = new AbortController();
  readonly looks: number[] = [];
  glances = 0;
  monitors = 0;
  disposed = 0;
  bridge = true;
  change: () => void = () => undefined;
  end: () => void = () => undefined;
  readonly done: Promise<void>;

  constructor(tells: boolean) {
    this.done = watchRules(
      {
        glance: () => {
          this.glances += 1;
          return Promise.resolve(this.bridge);
        },
        monitor: ({ onChange, onEnd }) => {
          this.monitors += 1;
          this.change = onChange;
          this.end = onEnd;
          if (!tells) queueMicrotask(onEnd);
          return {
            [Symbol.dispose]: () => {
              this.disposed += 1;
            },
          };
        },
      },
      {
        clock: this.clock,
        signal: this.closing.signal,
        look: async () => {
          this.looks.push(this.clock.now());
          await Promise.resolve();
        },
      },
    );
  }
}

describe("a watch over rules", () => {
  let rig: Rig;
  afterEach(async () => {
    rig.closing.abort(new Error("over"));
    await rig.done;
    expect(rig.clock.sleeping).toBe(0);
  });

  it("looks at once when a change is told, and at those that follow closely together", async () => {
    rig = new Rig(true);
    await rig.clock.advance(10_000);
    const before = rig.looks.length;
    rig.change();
    await settle();
    expect(rig.looks.slice(before)).toEqual([10_000]);
    for (let change = 0; change < 10; change += 1) rig.change();
    await rig.clock.advance(249);
    expect(rig.looks.slice(before)).toEqual([10_000]);
    await rig.clock.advance(1);
    expect(rig.looks.slice(before)).toEqual([10_000, 10_250]);
  });

  it("only glances while nothing is told, and looks now and then all the same", async () => {
    rig = new Rig(true);
    await rig.clock.advance(29_000);
    expect(rig.looks).toHaveLength(1);
    expect(rig.glances).toBeGreaterThan(10);
    await rig.clock.advance(31_000);
    expect(rig.looks.length).toBeLessThanOrEqual(3);
    expect(rig.looks.length).toBeGreaterThan(1);
  });

  it("looks when a glance finds the bridge gone", async () => {
    rig = new Rig(true);
    await rig.clock.advance(5_000);
    const before = rig.looks.length;
    rig.bridge = false;
    await rig.clock.advance(2_500);
    expect(rig.looks.length).toBe(before + 1);
  });

  it("looks every other second where nobody tells, and asks now and then for somebody who does", async () => {
    rig = new Rig(false);
    await rig.clock.advance(20_000);
    expect(rig.looks.length).toBeGreaterThanOrEqual(9);
    expect(rig.monitors).toBe(1);
    await rig.clock.advance(20_000);
    expect(rig.monitors).toBe(2);
  });

  it("looks at once when who told has gone, and then every other second", async () => {
    rig = new Rig(true);
    await rig.clock.advance(10_000);
    const before = rig.looks.length;
    rig.end();
    await settle();
    expect(rig.looks.length).toBe(before + 1);
    await rig.clock.advance(10_000);
    expect(rig.looks.length).toBeGreaterThanOrEqual(before + 5);
  });

  it("lets go of who tells when it ends", async () => {
    rig = new Rig(true);
    await rig.clock.advance(100);
    rig.closing.abort(new Error("over"));
    await rig.done;
    expect(rig.disposed).toBe(1);
  });
});

describe("resolvers", () => {
  it.each([
    ["nameserver 10.0.0.53\nnameserver 9.9.9.9\nsearch corp.example\n", ["10.0.0.53", "9.9.9.9"]],
    ["# made by systemd-resolved\nnameserver 127.0.0.53\noptions edns0\n", []],
    ["nameserver ::1\nnameserver 2001:db8::53\nnameserver 192.0.2.53 # the good one\n", ["192.0.2.53"]],
    ["", []],
  ])("that a sandbox can ask are read from %j", (text, addresses) => {
    expect(resolversIn(text)).toEqual(addresses);
  });
});
