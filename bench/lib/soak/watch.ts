import { globalAgent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { parseAddress } from "../../../src/client/address.js";
import { getLanes } from "../../../src/cli/daemon-http.js";
import { INSTANCE_LABEL } from "../../../src/container/labels.js";
import type { LanesReport } from "../../../src/protocol/lanes.js";
import { atRest } from "../at-rest.js";
import type { Engine } from "../engine.js";
import { type Descriptors, openDescriptors } from "../memory/descriptors.js";
import { processMemory } from "../memory/memory.js";
import type { BenchDaemon } from "../own-daemon.js";
import { expectedReasons, SOAK_LANES, type SoakStep } from "./plan.js";
import { lastAnswer } from "../wait-until.js";

/** For what closes by itself a moment after a run: what is still there then has leaked. */
const LEAK_DEADLINE_MS = 15_000;
/** For connections that were closed a moment ago, before the look that all others are compared with. */
const CLOSE_MS = 2_000;
/**
 * Connections that a daemon keeps for its next calls to the engine. How many it has there depends on how many calls once
 * came together, so the number of its connections to the engine may differ by so many and no more.
 */
const MAX_POOLED_CALLS = 16;
const HEAP_METRIC = "nodejs_heap_size_used_bytes";
const BYTES_PER_MIB = 1_048_576;

/** What a daemon holds when it has nothing to do. */
export interface Holdings {
  readonly residentMiB: number;
  /** JS heap in use, not yet collected garbage included; undefined where the daemon does not tell. */
  readonly heapMiB: number | undefined;
  /** Open descriptors but for those below. */
  readonly descriptors: number;
  /** Connections to the engine: one for each container, and those kept for calls. */
  readonly engineConnections: number;
  readonly containers: number;
}

/** Looks at a daemon at rest. */
export class SoakWatch {
  readonly #daemon: BenchDaemon;
  readonly #engine: Engine;
  readonly #token: string | undefined;
  /** Of the first look; every other has to have as many. */
  #first: Descriptors | undefined;

  constructor(daemon: BenchDaemon, engine: Engine, token: string | undefined) {
    this.#daemon = daemon;
    this.#engine = engine;
    this.#token = token;
  }

  /**
   * Waits until nothing is under way, then takes stock.
   * @throws Error that says what has leaked, when there are not exactly the ready containers, or not exactly as many open
   *   descriptors as at the first look, or more connections to the engine than can be kept for calls
   */
  async look(): Promise<Holdings> {
    const address = parseAddress(this.#daemon.url);
    await atRest(address, this.#token);
    const containers = await this.#containers();
    const heapMiB = await this.#heapMiB();
    const { others, unixConnections } = await this.#openDescriptors();
    const { residentMiB } = await processMemory(this.#daemon.pid);
    return { residentMiB, heapMiB, descriptors: others, engineConnections: unixConnections, containers };
  }

  /** @throws Error when the daemon does not count exactly these endings */
  async requireReasons(steps: readonly SoakStep[]): Promise<void> {
    const report = await this.#report();
    const expected = expectedReasons(steps);
    for (const lane of SOAK_LANES) {
      const counted = report.lanes.find(({ name }) => name === lane)?.runs.byReason ?? {};
      const wanted: Readonly<Record<string, number>> = expected[lane];
      for (const reason of new Set([...Object.keys(counted), ...Object.keys(wanted)])) {
        const [has, should] = [counted[reason] ?? 0, wanted[reason] ?? 0];
        if (has !== should) {
          throw new Error(`lane ${lane} counts ${has} runs that ended with "${reason}" instead of ${should}`);
        }
      }
    }
  }

  async #containers(): Promise<number> {
    const { lanes } = await this.#report();
    const wanted = lanes.reduce((sum, { stock }) => sum + stock.warmTarget, 0);
    const count = await lastAnswer(
      async () => (await this.#engine.labelled(INSTANCE_LABEL, this.#daemon.instance)).length,
      wanted,
      LEAK_DEADLINE_MS,
    );
    if (count !== wanted) throw leak("containers", count, wanted);
    return count;
  }

  async #openDescriptors(): Promise<Descriptors> {
    // Our own connections, which are kept for another request, are descriptors of the daemon's too.
    globalAgent.destroy();
    const { pid } = this.#daemon;
    if (this.#first === undefined) {
      await sleep(CLOSE_MS);
      this.#first = await openDescriptors(pid);
    }
    const { others, unixConnections } = this.#first;
    const count = await lastAnswer(async () => (await openDescriptors(pid)).others, others, LEAK_DEADLINE_MS);
    if (count !== others) throw leak("open descriptors (connections to the engine aside)", count, others);
    const now = await openDescriptors(pid);
    if (now.unixConnections > unixConnections + MAX_POOLED_CALLS) {
      throw leak("connections to the engine", now.unixConnections, unixConnections);
    }
    return { others: count, unixConnections: now.unixConnections };
  }

  async #heapMiB(): Promise<number | undefined> {
    const headers = {
      connection: "close",
      ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
    };
    const answer = await fetch(`${this.#daemon.url}/metrics`, { headers, signal: AbortSignal.timeout(5_000) });
    const bytes = metricOf(await answer.text(), HEAP_METRIC);
    return bytes === undefined ? undefined : bytes / BYTES_PER_MIB;
  }

  async #report(): Promise<LanesReport> {
    return getLanes(parseAddress(this.#daemon.url), { token: this.#token });
  }
}

/** The value of a metric without labels, in Prometheus's text; undefined when it is not there. */
export function metricOf(text: string, name: string): number | undefined {
  const value = new RegExp(`^${name} ([0-9.eE+-]+)$`, "m").exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

function leak(what: string, count: number, wanted: number): Error {
  return new Error(
    `the daemon has ${count} ${what} at rest instead of ${wanted}, still so after ${LEAK_DEADLINE_MS / 1_000} s`,
  );
}
