import { setTimeout as sleep } from "node:timers/promises";
import { removeLabelled } from "./docker-runtime.js";
import { engineAddress } from "./engine-address.js";
import { DAEMON_LABEL } from "./labels.js";

/** How long to look for containers: the engine may still be creating one when the first look is over, in ms. */
const LOOK_FOR_MS = 8_000;
const LOOK_EVERY_MS = 500;

/** What the watchdog becomes when its daemon has died: removes that daemon's containers, and nobody else's. */
async function removeAfterDeath(engine: string, daemon: string): Promise<void> {
  const until = performance.now() + LOOK_FOR_MS;
  do {
    try {
      await removeLabelled(engineAddress(engine), `${DAEMON_LABEL}=${daemon}`, AbortSignal.timeout(LOOK_FOR_MS));
    } catch {
      // The engine may be gone too; the next look tells.
    }
    await sleep(LOOK_EVERY_MS);
  } while (performance.now() < until);
}

const [engine, daemon] = process.argv.slice(2);
if (engine !== undefined && daemon !== undefined && daemon !== "") await removeAfterDeath(engine, daemon);
