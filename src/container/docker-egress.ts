import { readFile } from "node:fs/promises";
import { isIPv4 } from "node:net";
import type Docker from "dockerode";
import type { EgressConfig } from "../config/schema.js";
import { engineStatus } from "./docker-errors.js";
import { EgressError } from "./egress-error.js";
import { egressInterface, EgressRules } from "./egress.js";
import type { EngineAddress } from "./engine-address.js";
import { EngineRefusedError } from "./errors.js";
import { INSTANCE_LABEL } from "./labels.js";

const RESOLVERS_FILE = "/etc/resolv.conf";

/**
 * The network of lanes that may go out: a bridge of this instance's own, without traffic between its containers, behind
 * the rules of `egress.ts`. The owner disposes of it when its last container is gone.
 */
export class DockerEgress implements AsyncDisposable {
  readonly name: string;
  readonly #docker: Docker;
  readonly #address: EngineAddress;
  readonly #instance: string;
  readonly #config: EgressConfig;
  #rules: EgressRules | undefined;
  #resolvers: readonly string[] = [];
  #ensuring: Promise<void> | undefined;

  constructor(docker: Docker, options: { address: EngineAddress; instance: string; config: EgressConfig }) {
    this.#docker = docker;
    this.#address = options.address;
    this.#instance = options.instance;
    this.#config = options.config;
    // The name of the bridge serves as the network's too: short, without a client's data, and a name that nobody else has.
    this.name = egressInterface(options.instance);
  }

  /** Resolvers that its containers are to ask; known once `ensure` has succeeded. */
  get resolvers(): readonly string[] {
    return this.#resolvers;
  }

  /**
   * Makes sure that network and rules are as they should be; calls at the same time share one look.
   * @throws EngineRefusedError when the rules cannot be put in place: the lane stays closed rather than open to everything
   */
  async ensure(signal: AbortSignal): Promise<void> {
    this.#ensuring ??= this.#ensure(signal).finally(() => {
      this.#ensuring = undefined;
    });
    return this.#ensuring;
  }

  async #ensure(signal: AbortSignal): Promise<void> {
    if (this.#address.kind !== "socket") {
      throw new EngineRefusedError(
        "A lane with a network needs an engine on this machine: its rules are put in place here. Set the lane's network to none.",
      );
    }
    await this.#ensureNetwork();
    try {
      if (this.#rules === undefined) {
        this.#resolvers = this.#config.dns ?? (await hostResolvers());
        this.#rules = await EgressRules.install({
          interfaceName: this.name,
          policy: { ...this.#config, dns: this.#resolvers },
          signal,
        });
      } else if (!(await this.#rules.verify({ signal }))) {
        await this.#rules.reassert({ signal });
      }
    } catch (error) {
      if (error instanceof EgressError) throw new EngineRefusedError(error.message, { cause: error });
      throw error;
    }
  }

  async #ensureNetwork(): Promise<void> {
    try {
      await this.#docker.getNetwork(this.name).inspect();
      return;
    } catch (error) {
      if (engineStatus(error) !== 404) throw error;
    }
    await this.#docker.createNetwork({
      Name: this.name,
      Driver: "bridge",
      CheckDuplicate: true,
      EnableIPv6: false,
      Labels: { [INSTANCE_LABEL]: this.#instance },
      Options: {
        "com.docker.network.bridge.name": this.name,
        "com.docker.network.bridge.enable_icc": "false",
      },
    });
  }

  /** Takes network and rules away, in this order: as long as there is a network, there are rules. */
  async [Symbol.asyncDispose](): Promise<void> {
    const rules = this.#rules;
    if (rules === undefined) return;
    try {
      await this.#docker.getNetwork(this.name).remove();
    } catch (error) {
      if (engineStatus(error) !== 404) throw error;
    }
    await rules[Symbol.asyncDispose]();
  }
}

/** The host's own resolvers; those on its loopback cannot be reached from a container. */
async function hostResolvers(): Promise<string[]> {
  const text = await readFile(RESOLVERS_FILE, "utf8");
  const addresses = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1] ?? "");
  return addresses.filter((address) => isIPv4(address) && !address.startsWith("127."));
}
