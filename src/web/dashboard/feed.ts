import { type WatchMessage, watchMessage } from "../../protocol/watch.js";
import { showConnection } from "../shared/connection-badge.js";
import { admission, askForToken, storedToken, subprotocols } from "../shared/token.js";

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;
/** The daemon is never silent for longer than a bucket of arrivals lasts; three times that, and it is gone, in ms. */
const SILENCE_MS = 15_000;

export interface FeedOptions {
  readonly onMessage: (message: WatchMessage) => void;
  /** A message that this page cannot read: the daemon is of another version. */
  readonly onUnreadable: () => void;
  /** Whether what the page shows is live. */
  readonly onLive: (isLive: boolean) => void;
}

/** Watches the daemon, and again whenever it comes back: waits longer each time, and says so. */
export class Feed {
  readonly #options: FeedOptions;
  #retryMs = FIRST_RETRY_MS;
  #silence: ReturnType<typeof setTimeout> | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  start(): void {
    showConnection("connecting", "connecting");
    this.#connect(storedToken());
    // With the network the daemon may be back, too.
    window.addEventListener("online", () => {
      this.#retryMs = FIRST_RETRY_MS;
    });
  }

  #connect(token: string | undefined): void {
    const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/watch`;
    const socket = new WebSocket(address, subprotocols(token));
    let wasOpen = false;
    const listen = (): void => {
      clearTimeout(this.#silence);
      this.#silence = setTimeout(() => {
        socket.close();
        lose("the daemon has gone silent");
      }, SILENCE_MS);
    };
    let isLost = false;
    const lose = (why: string): void => {
      if (isLost) return;
      isLost = true;
      clearTimeout(this.#silence);
      this.#options.onLive(false);
      void this.#retry(token, { wasOpen, why });
    };
    socket.addEventListener("open", () => {
      wasOpen = true;
      listen();
    });
    socket.addEventListener("message", ({ data }) => {
      if (isLost) return;
      listen();
      this.#read(data);
    });
    socket.addEventListener("close", ({ code }) => {
      lose(code === 1001 ? "the daemon has stopped" : "the daemon does not answer");
    });
  }

  #read(data: unknown): void {
    const parsed = watchMessage.safeParse(typeof data === "string" ? JSON.parse(data) : undefined);
    if (!parsed.success) {
      this.#options.onUnreadable();
      return;
    }
    if (parsed.data.type === "snapshot") {
      this.#retryMs = FIRST_RETRY_MS;
      showConnection("live", "live");
      this.#options.onLive(true);
    }
    this.#options.onMessage(parsed.data);
  }

  async #retry(token: string | undefined, { wasOpen, why }: { wasOpen: boolean; why: string }): Promise<void> {
    // A browser does not say why an upgrade was refused; a plain request is told.
    if (!wasOpen && (await admission(token)) === "refused") {
      showConnection("connecting", "needs a token");
      this.#connect(await askForToken());
      return;
    }
    // Not all pages at once, when a daemon comes back.
    const waitMs = this.#retryMs * (0.8 + Math.random() * 0.4);
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
    showConnection("lost", `${why}; trying again in ${Math.max(1, Math.round(waitMs / 1_000))} s`);
    setTimeout(() => {
      this.#connect(token);
    }, waitMs);
  }
}
