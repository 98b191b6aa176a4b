import { readFile } from "node:fs/promises";
import { isIPv4 } from "node:net";
import type Docker from "dockerode";
import type { Clock } from "../clock.js";
import type { EgressConfig } from "../config/schema.js";
import { withDeadline } from "../deadline.js";
import { type DaemonError, DescriptorsError, messageOf } from "../errors.js";
import type { Log } from "../log.js";
import { engineError, engineStatus } from "./docker-errors.js";
import { EgressError } from "./egress-error.js";
import { unlessDescriptors } from "./egress-host.js";
import { watchRules } from "./egress-watch.js";
import { egressInterface, EgressRules } from "./egress.js";
import { describeAddress, type EngineAddress } from "./engine-address.js";
import { EngineRefusedError } from "./errors.js";
import { INSTANCE_LABEL } from "./labels.js";

/** Where the host says whom it asks; the second is where systemd-resolved keeps those behind its own on the loopback. */
const RESOLVERS_FILES = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"] as const;
/** A container that joins at this very moment makes the engine refuse to remove the network. */
const CUT_ATTEMPTS = 3;

export interface DockerEgressOptions {
  readonly address: EngineAddress;
  readonly instance: string;
  readonly config: EgressConfig;
  /** Longest time in which network and rules must be as they should be, however many calls that takes. */
  readonly callDeadlineMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Hears that the network was found not to be as it must be. Until `mended` settles nothing may be handed out; when it
 * rejects, every sandbox made before has lost its network.
 */
export type UndoneListener = (mended: Promise<void>) => void;

/**
 * The network of lanes that may go out: a bridge of this instance's own, without traffic between its containers, behind
 * the rules of `egress.ts`. From its first `ensure` on it watches over both. The owner disposes of it when its last
 * container is gone.
 *
 * What is undone is put right at once; containers stay, and connections that they opened meanwhile die, because the rules
 * judge every packet and not only the first. What cannot be put right is taken away: all containers are cut off and the
 * network is removed, so that nothing is left that rules would have to hold.
 */
export class DockerEgress implements AsyncDisposable {
  readonly name: string;
  readonly #docker: Docker;
  readonly #options: DockerEgressOptions;
  readonly #listeners = new Set<UndoneListener>();
  readonly #closing = new AbortController();
  #rules: EgressRules | undefined;
  /** The engine's name for the network that our containers are on: another of the same name is not theirs. */
  #networkId: string | undefined;
  #resolvers: readonly string[] = [];
  #fault: DaemonError | undefined;
  #ensuring: Promise<void> | undefined;
  #watching: Promise<void> | undefined;

  constructor(docker: Docker, options: DockerEgressOptions) {
    this.#docker = docker;
    this.#options = options;
    // The name of the bridge serves as the network's too: short, without a client's data, and a name that nobody else has.
    this.name = egressInterface(options.instance);
  }

  /** Resolvers that its containers are to ask; known once `ensure` has succeeded. */
  get resolvers(): readonly string[] {
    return this.#resolvers;
  }

  /** @param listener called from now on until the signal is aborted */
  onUndone(listener: UndoneListener, { signal }: { signal: AbortSignal }): void {
    if (signal.aborted) return;
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  /**
   * Waits while network and rules are being looked at or put right.
   * @throws EngineRefusedError when they are not known to be in force: no container may join
   */
  async admit(): Promise<void> {
    while (this.#ensuring !== undefined) await this.#ensuring.catch(() => undefined);
    if (this.#fault !== undefined) throw this.#fault;
    if (this.#rules === undefined) throw new EngineRefusedError("The network's rules have not been put in place yet.");
  }

  /**
   * Makes sure that network and rules are as they should be. Calls at the same time share one look, which goes on when one
   * of them has no time left.
   * @throws EngineRefusedError when the rules cannot be put in place: the lane stays closed rather than open to everything
   */
  async ensure(): Promise<void> {
    this.#ensuring ??= this.#ensure().finally(() => {
      this.#ensuring = undefined;
    });
    return this.#ensuring;
  }

  async #ensure(): Promise<void> {
    const rules = this.#rules;
    if (rules === undefined) {
      await this.#settle((signal) => this.#setUp(signal));
      this.#watching ??= this.#watch();
    } else if (this.#fault !== undefined || !(await isInForce(rules, this.#closing.signal))) {
      await this.#mend(rules);
    }
  }

  async #setUp(signal: AbortSignal): Promise<void> {
    if (this.#options.address.kind !== "socket") {
      throw new EngineRefusedError(
        "A lane with a network needs an engine on this machine: its rules are put in place here. Set the lane's network to none.",
      );
    }
    this.#resolvers = this.#options.config.dns ?? (await hostResolvers());
    this.#networkId = await this.#ensureNetwork();
    this.#rules = await EgressRules.install({
      interfaceName: this.name,
      policy: { ...this.#options.config, dns: this.#resolvers },
      signal,
    });
  }

  async #mend(rules: EgressRules): Promise<void> {
    const { log } = this.#options;
    const isNews = this.#fault === undefined;
    const before = this.#networkId;
    const mended = this.#settle(async (signal) => {
      this.#networkId = await this.#ensureNetwork();
      await rules.reassert({ signal });
    }).then(() => {
      if (!isNews || before === this.#networkId) return;
      throw new EngineRefusedError(
        `Somebody removed the network ${this.name}; it has been made anew, and its sandboxes are too.`,
      );
    });
    if (isNews) {
      log.warn({ bridge: this.name }, "the network's rules are not in force; putting them right");
      for (const listener of this.#listeners) listener(mended);
    }
    try {
      await mended;
    } catch (error) {
      // What could not be put right, though sandboxes rely on it.
      if (isNews && this.#fault !== undefined) await this.#cutOff();
      throw error;
    }
    log.info({ bridge: this.name }, "the network's rules are in force again");
  }

  /** Takes note of how it ended, in words that tell what to do. */
  async #settle(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { address, clock, callDeadlineMs: ms } = this.#options;
    const { signal } = this.#closing;
    try {
      await withDeadline({ clock, ms, signal }, work);
      this.#fault = undefined;
    } catch (error) {
      signal.throwIfAborted();
      this.#fault =
        error instanceof EgressError
          ? new EngineRefusedError(error.message, { cause: error })
          : engineError(error, { what: "make the network", engine: describeAddress(address) });
      throw this.#fault;
    }
  }

  /** @returns the network's id */
  async #ensureNetwork(): Promise<string> {
    try {
      return await this.#inspect().then(({ Id: id }) => id);
    } catch (error) {
      if (engineStatus(error) !== 404) throw error;
    }
    const made = await this.#docker.createNetwork({
      Name: this.name,
      Driver: "bridge",
      CheckDuplicate: true,
      EnableIPv6: false,
      Labels: { [INSTANCE_LABEL]: this.#options.instance },
      Options: {
        "com.docker.network.bridge.name": this.name,
        "com.docker.network.bridge.enable_icc": "false",
      },
    });
    return made.id;
  }

  async #inspect(): ReturnType<Docker.Network["inspect"]> {
    return this.#docker.getNetwork(this.name).inspect();
  }

  /** Leaves no container on the network, and no network: the engine does that also where the firewall fails us. */
  async #cutOff(): Promise<void> {
    const { clock, callDeadlineMs: ms, log } = this.#options;
    for (let attempt = 1; attempt <= CUT_ATTEMPTS; attempt++) {
      try {
        await withDeadline({ clock, ms, signal: this.#closing.signal }, () => this.#tryCutOff());
        log.warn({ bridge: this.name }, "the network has been taken away, because its rules cannot be kept in force");
        return;
      } catch (error) {
        if (engineStatus(error) === 404) return;
        log.error({ bridge: this.name, reason: messageOf(error) }, "the network could not be taken away");
      }
    }
  }

  async #tryCutOff(): Promise<void> {
    const network = this.#docker.getNetwork(this.name);
    const { Containers: containers } = await this.#inspect();
    await Promise.all(
      Object.keys(containers ?? {}).map((id) =>
        // One that has gone meanwhile is cut off as well.
        network.disconnect({ Container: id, Force: true }).catch(() => undefined),
      ),
    );
    await network.remove();
  }

  async #watch(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#closing;
    try {
      await watchRules(
        {
          glance: () => this.#rules?.glance() ?? Promise.resolve(true),
          monitor: (options) => this.#rules?.monitor(options) ?? { [Symbol.dispose]: () => undefined },
        },
        {
          clock,
          signal,
          look: async () => {
            // Told where it was found out, and to the lanes; the next look tries again.
            await this.ensure().catch(() => undefined);
          },
        },
      );
    } catch (error) {
      log.error({ err: error }, "nobody watches over the network's rules any more");
    }
  }

  /** Takes network and rules away, in this order: as long as there is a network, there are rules. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error("the network is being taken away"));
    await this.#watching;
    await this.#ensuring?.catch(() => undefined);
    // Made also where the rules then could not be.
    if (this.#networkId === undefined) return;
    try {
      await this.#docker.getNetwork(this.name).remove();
    } catch (error) {
      if (engineStatus(error) !== 404) throw error;
    }
    await this.#rules?.[Symbol.asyncDispose]();
  }
}

/** Rules that cannot be read are not known to be in force. */
async function isInForce(rules: EgressRules, signal: AbortSignal): Promise<boolean> {
  try {
    return await rules.verify({ signal });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof EgressError || error instanceof DescriptorsError) return false;
    throw error;
  }
}

/** The host's own resolvers; those on its loopback cannot be reached from a container. @throws EgressError when there are none */
export async function hostResolvers(): Promise<string[]> {
  for (const file of RESOLVERS_FILES) {
    const found = resolversIn(await readFile(file, "utf8").catch(unlessDescriptors("")));
    if (found.length > 0) return found;
  }
  throw new EgressError(
    "The host's resolvers cannot be reached from a sandbox, as they are on its loopback or have IPv6 addresses only. " +
      'Name others in the configuration, such as egress.dns: ["9.9.9.9"].',
  );
}

/** IPv4 addresses of resolvers beyond the loopback, in the words of resolv.conf. */
export function resolversIn(text: string): string[] {
  const addresses = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1] ?? "");
  return addresses.filter((address) => isIPv4(address) && !address.startsWith("127."));
}
