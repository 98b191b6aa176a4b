import type { Config } from "../config/schema.js";
import { hostResolvers } from "../container/docker-egress.js";
import { EgressError } from "../container/egress-error.js";
import { type EgressHost, localHost } from "../container/egress-host.js";
import type { EngineAddress } from "../container/engine-address.js";
import type { NetworkFacts } from "./reach.js";

/** Changes nothing, and takes the same rights and programs as rules do. */
const EMPTY_SCRIPT = "*filter\nCOMMIT\n";
/** On every machine, so that of a bridge's blind spots only those of the machine are told. */
const LOOPBACK = "lo";

/**
 * Finds out whether the rules of lanes with a network could be put in place from here, by everything that this takes but
 * the rules: nothing is there afterwards that was not before. Without such lanes the firewall is not touched at all.
 */
export async function lookAtNetwork(options: {
  config: Config;
  address: EngineAddress;
  signal: AbortSignal;
  /** Disposed of here; for tests. */
  host?: EgressHost;
}): Promise<NetworkFacts> {
  const { config, address, signal } = options;
  const lanes = Object.entries(config.lanes).flatMap(([name, { network }]) => (network === "egress" ? [name] : []));
  if (lanes.length === 0) return { lanes, faults: [], resolvers: [] };
  if (address.kind !== "socket") {
    const fault =
      "A network needs the daemon on the engine's machine, with its unix socket: rules are put in place there.";
    return { lanes, faults: [fault], resolvers: [] };
  }
  const faults: string[] = [];
  let resolvers: readonly string[] = config.egress.dns ?? [];
  if (config.egress.dns === null) {
    try {
      resolvers = await hostResolvers();
    } catch (error) {
      faults.push(words(error));
    }
  }
  using host = options.host ?? (await localHost());
  for (const firewall of [host.ipv4, host.ipv6]) {
    try {
      await firewall?.read({ signal });
      await firewall?.write(EMPTY_SCRIPT, { signal });
    } catch (error) {
      signal.throwIfAborted();
      faults.push(words(error));
      // What keeps one family's rules away keeps the other's away, in nearly the same words.
      break;
    }
  }
  const blindSpot = await host.blindSpot(LOOPBACK);
  if (blindSpot !== undefined) faults.push(blindSpot);
  return { lanes, faults, resolvers };
}

/** What is wrong with this machine comes as an EgressError, which says what to do. */
function words(error: unknown): string {
  if (error instanceof EgressError) return error.message;
  throw error;
}
