import { createHash } from "node:crypto";
import { DescriptorsError } from "../errors.js";
import { Semaphore } from "../semaphore.js";
import { EgressError } from "./egress-error.js";
import { localHost } from "./egress-host.js";
import type { EgressHost, Firewall } from "./egress-host.js";
import { chainNames, egressRules } from "./egress-rules.js";
import type { EgressPolicy, FilterRules } from "./egress-rules.js";
import { applyScript, hasJumpsFirst, parseTable, removeScript } from "./egress-table.js";
import type { FilterTable } from "./egress-table.js";

/** Around each look at the table another program may change it too; then all is done anew. */
const WRITE_ATTEMPTS = 3;

/** The name of an instance's bridge, the same for ever: Linux allows 15 characters. */
export function egressInterface(instance: string): string {
  return `mbx${createHash("sha256").update(instance).digest("hex").slice(0, 8)}`;
}

interface Side {
  readonly firewall: Firewall;
  readonly wanted: FilterRules;
  /** The contents of our chains as the kernel told them right after they were put there. */
  installed: string;
}

/**
 * The firewall of one instance's bridge: what sandboxes with a network may reach, and who may reach them. The engine must
 * have made the bridge before. Rules outlive a daemon that is killed, which is the safe side; the next one replaces them.
 *
 * Whoever owns it disposes it, after the bridge's last container is gone. Calls may overlap; they wait for each other.
 */
export class EgressRules implements AsyncDisposable {
  readonly #interfaceName: string;
  readonly #host: EgressHost;
  readonly #sides: readonly Side[];
  readonly #turn = new Semaphore(1);
  #removal: Promise<void> | undefined;

  private constructor(interfaceName: string, host: EgressHost, sides: readonly Side[]) {
    this.#interfaceName = interfaceName;
    this.#host = host;
    this.#sides = sides;
  }

  /**
   * Puts the rules in place, instead of any that an earlier daemon left for the same bridge.
   * @param options.host the machine, disposed of with the rules; for tests
   * @throws EgressError when they cannot be; then none are left
   */
  static async install(options: {
    interfaceName: string;
    policy: EgressPolicy;
    signal: AbortSignal;
    host?: EgressHost;
  }): Promise<EgressRules> {
    const { interfaceName, policy, signal, host = await localHost() } = options;
    const { ipv4, ipv6 } = egressRules(interfaceName, policy);
    const sides: Side[] = [{ firewall: host.ipv4, wanted: ipv4, installed: "" }];
    if (host.ipv6 !== undefined) sides.push({ firewall: host.ipv6, wanted: ipv6, installed: "" });
    const rules = new EgressRules(interfaceName, host, sides);
    try {
      await rules.reassert({ signal });
    } catch (error) {
      // What failed is told; what could not be taken back only closes the bridge further.
      await rules[Symbol.asyncDispose]().catch(() => undefined);
      throw error;
    }
    return rules;
  }

  /**
   * Whether the rules stand as they were installed, ahead of everybody else's. An engine that restarts, a firewall that
   * reloads and other programs that want to be first change that; then close the lane or call `reassert`.
   * @throws EgressError when the table cannot be read
   */
  async verify({ signal }: { signal: AbortSignal }): Promise<boolean> {
    const release = await this.#turn.acquire(signal);
    try {
      if (!(await this.glance())) return false;
      for (const side of this.#sides) {
        const table = parseTable(await side.firewall.read({ signal }));
        if (!hasJumpsFirst(table, side.wanted) || contents(table, side.wanted) !== side.installed) return false;
      }
      return true;
    } finally {
      release();
    }
  }

  /** The half of `verify` that costs next to nothing: whether the bridge is there, and its packets pass the rules. */
  async glance(): Promise<boolean> {
    if (this.#removal !== undefined) return false;
    try {
      return (await this.#host.blindSpot(this.#interfaceName)) === undefined;
    } catch (error) {
      // Nothing says that the bridge has gone; the rules themselves are read through a shell that is there already.
      if (error instanceof DescriptorsError) return true;
      throw error;
    }
  }

  /** Tells of changes to the firewall as they happen, whoever makes them; see `EgressHost.monitor`. */
  monitor(options: { onChange: () => void; onEnd: () => void }): Disposable {
    return this.#host.monitor(options);
  }

  /** Puts the rules in place anew, at no moment without them. @throws EgressError when they cannot be */
  async reassert({ signal }: { signal: AbortSignal }): Promise<void> {
    const release = await this.#turn.acquire(signal);
    try {
      if (this.#removal !== undefined) throw new EgressError(`The rules of ${this.#interfaceName} are being removed.`);
      const blindSpot = await this.#host.blindSpot(this.#interfaceName);
      if (blindSpot !== undefined) throw new EgressError(blindSpot);
      for (const side of this.#sides) await install(side, signal);
    } finally {
      release();
    }
  }

  /** Takes the rules away, whoever put them there. Every call returns the same promise. @throws EgressError */
  async [Symbol.asyncDispose](): Promise<void> {
    return (this.#removal ??= this.#remove());
  }

  async #remove(): Promise<void> {
    // Of no signal: a shutdown that was hurried must not leave rules behind.
    const { signal } = new AbortController();
    const release = await this.#turn.acquire(signal);
    try {
      const names = Object.values(chainNames(this.#interfaceName));
      const failures: unknown[] = [];
      for (const { firewall } of this.#sides) {
        await change(firewall, (table) => removeScript(table, names), signal).catch((error: unknown) =>
          failures.push(error),
        );
      }
      if (failures.length > 0) throw failures[0];
    } finally {
      this.#host[Symbol.dispose]();
      release();
    }
  }
}

async function install(side: Side, signal: AbortSignal): Promise<void> {
  const { firewall, wanted } = side;
  for (let attempt = 1; attempt <= WRITE_ATTEMPTS; attempt++) {
    await change(firewall, (table) => applyScript(table, wanted), signal);
    const table = parseTable(await firewall.read({ signal }));
    const isComplete = wanted.chains.every((chain) => table.get(chain.name)?.length === chain.rules.length);
    if (isComplete && hasJumpsFirst(table, wanted)) {
      side.installed = contents(table, wanted);
      return;
    }
  }
  throw new EgressError(
    "Another program keeps changing the firewall's rules as soon as they are written; those of Matchbox are not in force.",
  );
}

async function change(
  firewall: Firewall,
  plan: (table: FilterTable) => string | undefined,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const script = plan(parseTable(await firewall.read({ signal })));
    if (script === undefined) return;
    try {
      await firewall.write(script, { signal });
      return;
    } catch (error) {
      if (attempt >= WRITE_ATTEMPTS || !(error instanceof EgressError)) throw error;
    }
  }
}

function contents(table: FilterTable, { chains }: FilterRules): string {
  return JSON.stringify(chains.map(({ name }) => table.get(name)));
}
