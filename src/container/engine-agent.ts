import { Agent } from "node:http";
import { inspect } from "node:util";

/**
 * Connections for calls through dockerode. docker-modem describes the options of every call in full, for a debug log that
 * is switched off: with a plain agent all of its sockets and requests are among them, 2 ms of the event loop for a call at
 * rest and tens of them in a burst (docs/performance.md). This one has nothing to tell.
 */
export class EngineAgent extends Agent {
  [inspect.custom](): string {
    return "EngineAgent";
  }
}
