import { MatchboxClient } from "../../client/client.js";
import { type ConnectionState, showConnection } from "../shared/connection-badge.js";
import { admission, askForToken, storedToken } from "../shared/token.js";

/** Waits between attempts, in ms: short at first, since a daemon that was only started anew is back soon. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8_000;

export interface LinkEvents {
  connected(client: MatchboxClient): void;
  lost(): void;
}

/** Keeps a connection to the daemon that this page came from, for as long as the page is open. */
export class Link {
  readonly #events: LinkEvents;
  #client: MatchboxClient | undefined;
  #token: string | undefined = storedToken();

  constructor(events: LinkEvents) {
    this.#events = events;
  }

  /** Undefined while there is none. */
  get client(): MatchboxClient | undefined {
    return this.#client;
  }

  /** Connects, and again whenever the connection is lost. Never settles. */
  async keep(): Promise<never> {
    let waitMs = FIRST_WAIT_MS;
    for (;;) {
      this.#show("connecting", "connecting");
      const client = await this.#connect();
      if (client !== undefined) {
        waitMs = FIRST_WAIT_MS;
        this.#client = client;
        this.#show("live", `connected · ${client.hello.server}`);
        this.#events.connected(client);
        await client.closed;
        this.#client = undefined;
        this.#events.lost();
      }
      this.#show("lost", "no connection, trying again");
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
    }
  }

  async #connect(): Promise<MatchboxClient | undefined> {
    try {
      return await MatchboxClient.connect({ url: location.origin, token: this.#token });
    } catch {
      // A browser does not say why; a plain request does.
      if ((await admission(this.#token)) === "refused") this.#token = await askForToken();
      return undefined;
    }
  }

  #show(state: ConnectionState, text: string): void {
    showConnection(state, text);
  }
}
