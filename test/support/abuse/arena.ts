import { randomInt } from "node:crypto";
import { expect } from "vitest";
import { startDaemon, type TestDaemon } from "../daemon.js";
import { containersOf, processesWith } from "../engine-view.js";
import { Peer } from "../peer.js";
import { waitFor } from "../wait.js";
import { Canaries } from "./canaries.js";
import { type Footprint, footprint, growth } from "./footprint.js";

/** How long after an attack its containers and processes may still be there. */
const GONE_MS = 5_000;
/** How long an honest client may wait for its first answer while an attack goes on. */
const SERVED_MS = 30_000;
/** How long the stock may take to be full again. */
const REFILLED_MS = 30_000;

/** Squares what it is asked, so that it can be seen to work at any moment, until its input ends. */
const HONEST = {
  python: "for line in open(0): print(int(line) ** 2, flush=True)",
  shell: "while read -r number; do echo $((number * number)); done",
} as const;

export interface Stand {
  /** A client of its own for the attack. */
  readonly peer: Peer;
  /** One more, watched as well. Closing it is part of an attack. */
  readonly connect: () => Promise<Peer>;
  /** A number of seconds, for a `sleep` that nobody else has on their command line. */
  readonly mark: string;
  readonly newMark: () => string;
}

export interface StandOptions {
  /** Where the honest neighbour of the attack runs. */
  readonly neighbour?: keyof typeof HONEST;
}

/**
 * A daemon with canaries planted around it, in which attacks happen. Whatever an attack asserts by itself, `withstands`
 * asserts what must hold after every one of them.
 */
export class Arena implements AsyncDisposable {
  readonly daemon: TestDaemon;
  readonly canaries: Canaries;
  readonly #resident: Resident;
  readonly #baseline: Footprint;

  private constructor(parts: { daemon: TestDaemon; canaries: Canaries; resident: Resident; baseline: Footprint }) {
    this.daemon = parts.daemon;
    this.canaries = parts.canaries;
    this.#resident = parts.resident;
    this.#baseline = parts.baseline;
  }

  /** Starts the daemon, and in its shell lane a run that lives as long as the arena and has canaries of its own. */
  static async open(overrides: readonly string[] = []): Promise<Arena> {
    const canaries = await Canaries.create();
    const daemon = await startDaemon([
      `server.tokens=["${canaries.token}"]`,
      "lanes.python.maxTimeoutMs=3600000",
      "lanes.shell.maxTimeoutMs=3600000",
      ...overrides,
    ]);
    const resident = await Resident.moveIn(await connect(daemon, canaries), canaries);
    // Once through everything, so that what is made on first use counts as there.
    await using peer = await connect(daemon, canaries);
    await peer.destroyed(peer.start("python", "print(1)"));
    await refilled(daemon);
    return new Arena({ daemon, canaries, resident, baseline: await footprint() });
  }

  /** What a client must send to come through the door. */
  get headers(): Record<string, string> {
    return headersFor(this.canaries);
  }

  /**
   * Lets an attack happen beside an honest neighbour, then asserts that the neighbour got right answers before and
   * after, each run one ending, nobody a canary, and that containers, processes, stock, descriptors, timers and memory
   * are as they were.
   */
  async withstands(attack: (stand: Stand) => Promise<void>, options: StandOptions = {}): Promise<void> {
    const peers: Peer[] = [];
    const marks: string[] = [];
    const newMark = (): string => {
      const mark = `86400.${randomInt(1e9)}`;
      marks.push(mark);
      return mark;
    };
    const watched = async (): Promise<Peer> => {
      const peer = await connect(this.daemon, this.canaries);
      peers.push(peer);
      return peer;
    };
    const stand: Stand = { connect: watched, newMark, peer: await watched(), mark: newMark() };
    try {
      const attacking = attack(stand);
      const [attacked, neighbour] = await Promise.allSettled([
        attacking,
        this.#honestRun(await stand.connect(), attacking, options.neighbour ?? "python"),
      ]);
      if (attacked.status === "rejected") throw attacked.reason;
      if (neighbour.status === "rejected") throw neighbour.reason;
      await this.#settled(peers, marks);
    } finally {
      await Promise.all(peers.map((peer) => peer[Symbol.asyncDispose]()));
    }
  }

  /** The sandboxes there are once the stock is full: the ids of their containers. */
  async sandboxes(): Promise<string[]> {
    const { daemon, instance } = this.daemon;
    const isFull = (): boolean =>
      daemon.report().lanes.every(({ stock }) => stock.warm === stock.warmTarget && stock.evicting === 0);
    await waitFor(isFull, { timeoutMs: REFILLED_MS, what: "the stock to be full" });
    return (await containersOf(instance)).map(({ Id }) => Id).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#resident.moveOut();
    } finally {
      await this.daemon[Symbol.asyncDispose]();
      await this.canaries[Symbol.asyncDispose]();
    }
  }

  /** Served while the attack goes on, unharmed when it is over. */
  async #honestRun(peer: Peer, attacking: Promise<void>, lane: keyof typeof HONEST): Promise<void> {
    const began = performance.now();
    const id = peer.start(lane, HONEST[lane], { stdin: true, timeoutMs: 3_600_000 });
    peer.send({ type: "stdin", id, data: "12\n" });
    await peer.heard(id, "stdout");
    expect(performance.now() - began, "ms until an honest neighbour is served").toBeLessThan(SERVED_MS);
    // How the attack ended is for the caller.
    await attacking.catch(() => undefined);
    peer.send({ type: "stdin", id, data: "13\n" });
    peer.send({ type: "stdin_end", id });
    const { stdout, exit } = await peer.ending(id);
    expect(stdout, "answers of an honest neighbour").toBe("144\n169\n");
    expect(exit, "ending of an honest neighbour").toMatchObject({ reason: "exited", exitCode: 0 });
  }

  async #settled(peers: readonly Peer[], marks: readonly string[]): Promise<void> {
    const live = peers.filter((peer) => peer.closeCode === undefined);
    await waitFor(() => live.every((peer) => peer.asked.every((id) => endings(peer, id) >= timesAsked(peer, id))), {
      timeoutMs: GONE_MS,
      what: "every run to end",
    });
    await waitFor(async () => (await Promise.all(marks.map(processesWith))).flat().length === 0, {
      timeoutMs: GONE_MS,
      what: "every process of the attack to be gone from the host",
    });
    const used = new Set(peers.flatMap((peer) => peer.messages.map((m) => (m.type === "started" ? m.sandbox : ""))));
    const left = async () =>
      (await containersOf(this.daemon.instance)).filter((c) => used.has(c.Labels["matchbox.sandbox"] ?? ""));
    await waitFor(async () => (await left()).length === 0, { timeoutMs: GONE_MS, what: "used containers to be gone" });
    await refilled(this.daemon);
    let grown: string[] = [];
    await waitFor(async () => (grown = growth(this.#baseline, await footprint())).length === 0, {
      timeoutMs: GONE_MS,
      what: "the daemon's descriptors, timers and memory to be as before",
    }).catch((error: unknown) => {
      throw new Error(`the daemon has grown: ${grown.join(", ")}`, { cause: error });
    });
    for (const peer of peers) {
      expect(this.canaries.heardBy(peer), "canaries that a client has heard").toEqual([]);
      for (const id of peer.asked) {
        const [count, most] = [endings(peer, id), timesAsked(peer, id)];
        expect(count, `endings of ${id}`).toBeLessThanOrEqual(most);
        if (live.includes(peer)) expect(count, `endings of ${id}`).toBe(most);
      }
    }
  }
}

/** A run of somebody else's, with secrets in its files, variables and command line, that attacks go on beside. */
class Resident {
  readonly #peer: Peer;
  readonly #id: string;

  private constructor(peer: Peer, id: string) {
    this.#peer = peer;
    this.#id = id;
  }

  static async moveIn(peer: Peer, canaries: Canaries): Promise<Resident> {
    const id = peer.start("shell", `sleep 86400 & cp secret /tmp/secret; cp secret /dev/shm/; ${HONEST.shell}`, {
      stdin: true,
      timeoutMs: 3_600_000,
      args: [canaries.plant("argument")],
      env: { SECRET: canaries.plant("variable") },
      files: [{ path: "secret", content: canaries.plant("workspace") }],
    });
    peer.send({ type: "stdin", id, data: "7\n" });
    await peer.heard(id, "stdout");
    return new Resident(peer, id);
  }

  /** Asks once more: it must have come through everything unharmed. */
  async moveOut(): Promise<void> {
    await using peer = this.#peer;
    peer.send({ type: "stdin", id: this.#id, data: "8\n" });
    peer.send({ type: "stdin_end", id: this.#id });
    const { stdout, exit } = await peer.ending(this.#id);
    expect(stdout, "answers of the resident").toBe("49\n64\n");
    expect(exit, "ending of the resident").toMatchObject({ reason: "exited", exitCode: 0 });
  }
}

function headersFor(canaries: Canaries): Record<string, string> {
  return { Authorization: `Bearer ${canaries.token}` };
}

function connect(daemon: TestDaemon, canaries: Canaries): Promise<Peer> {
  return Peer.connect(daemon.url, { headers: headersFor(canaries) });
}

/** The stock is full and nothing else is there but the resident, for the daemon and for the engine alike. */
async function refilled({ daemon, instance }: TestDaemon): Promise<void> {
  const asExpected = async (): Promise<boolean> => {
    const { lanes } = daemon.report();
    const quiet = lanes.every(
      ({ name, stock, waiting }) =>
        stock.warm === stock.warmTarget &&
        stock.leased === (name === "shell" ? 1 : 0) &&
        stock.creating + stock.evicting + waiting === 0,
    );
    const expected = lanes.reduce((sum, { stock }) => sum + stock.warm + stock.leased, 0);
    return quiet && (await containersOf(instance)).length === expected;
  };
  await waitFor(asExpected, { timeoutMs: REFILLED_MS, what: "the stock to be full, with no container besides" });
}

/** A client may use an id again. */
function timesAsked(peer: Peer, id: string): number {
  return peer.asked.filter((asked) => asked === id).length;
}

/** Terminal messages about the runs that had this id. One that is refused because of its id has an error of its own. */
function endings(peer: Peer, id: string): number {
  return peer.messages.filter(
    (message) =>
      (message.type === "exit" || message.type === "error") &&
      message.id === id &&
      (message.seq !== undefined || (message.type === "error" && message.code === "duplicate_run")),
  ).length;
}
