import type { MatchboxError } from "../../client/errors.js";
import type { RunEvent } from "../../client/inbox.js";
import { collectedFile } from "../../client/output.js";
import type { ExitMessage } from "../../protocol/exit.js";
import type { StartedMessage } from "../../protocol/messages.js";
import { byId, setText } from "../shared/dom.js";
import { formatCount, formatMs } from "../shared/format.js";
import { CollectedView } from "./collected-view.js";
import { describeExit, describeFailure, type EndingContext } from "./ending.js";
import { EndingView } from "./ending-view.js";
import { OutputView } from "./output-view.js";
import type { Audience } from "./player.js";
import { Transcript } from "./terminal/transcript.js";

const ELAPSED_EVERY_MS = 100;

/** The result's side of the page: what a run wrote, how far it is, how it ended, what it gave back. */
export class Stage {
  readonly #transcript = new Transcript();
  readonly #output = new OutputView(this.#transcript);
  readonly #ending = new EndingView();
  readonly #collected = new CollectedView();
  readonly #status = byId("status");
  readonly #elapsed = byId("elapsed");
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Counts the runs, so that late word of an earlier one is not taken for the present one's. */
  #runs = 0;

  constructor() {
    byId("copy").addEventListener("click", () => void this.#copy());
    byId("clear").addEventListener("click", () => {
      this.#transcript.clear();
      this.#output.changed();
    });
  }

  /** Clears what the last run left. @returns where the next one is told of */
  begin(context: EndingContext): Audience {
    this.#transcript.clear();
    this.#output.changed();
    this.#ending.clear();
    this.#collected.clear();
    byId("output-empty").hidden = true;
    // Where the two sides do not stand beside each other, the result's may be out of sight.
    const result = byId("result");
    if (result.getBoundingClientRect().top > innerHeight / 3) result.scrollIntoView({ block: "start" });
    this.#say("sent", "busy");
    this.#countFrom(performance.now());
    this.#runs += 1;
    const run = this.#runs;
    let started: StartedMessage | undefined;
    return {
      event: (event) => {
        if (event.type === "started") started = event;
        this.#show(event);
      },
      ended: (exit) => {
        this.#ended(exit, started, context);
      },
      failed: (error) => {
        this.#failed(error, started !== undefined);
      },
      gone: (afterMs) => {
        if (run === this.#runs) this.#ending.showGone(afterMs);
      },
    };
  }

  /** The ending is on its way, behind what was written before it. */
  cancelling(): void {
    this.#say("cancelling", "busy");
  }

  /** What keeps a run from being asked for. */
  say(text: string): void {
    this.#say(text, "idle");
  }

  #show(event: RunEvent): void {
    switch (event.type) {
      case "queued": {
        const eta = event.etaMs === null ? "" : `, about ${formatMs(event.etaMs)}`;
        this.#say(`waiting for a sandbox, place ${event.position}${eta}`, "busy");
        return;
      }
      case "started":
        this.#say("running", "busy");
        this.#countFrom(performance.now());
        return;
      case "stdout":
      case "stderr":
        if (event.omittedBytes !== undefined) {
          this.#transcript.note(`${formatCount(event.omittedBytes)} bytes of ${event.type} are left out here`);
        }
        this.#transcript.write(event.type, event.data);
        this.#output.changed();
        return;
      case "file":
        this.#collected.add(collectedFile(event, "utf8"));
        return;
      case "error":
        this.#transcript.note(`${event.code}: ${event.message}`);
        this.#output.changed();
        return;
      case "exit":
      case "destroyed": // Both come by ways of their own as well.
        return;
      default:
        throw new Error(`unexpected message ${JSON.stringify(event satisfies never)}`);
    }
  }

  #ended(exit: ExitMessage, started: StartedMessage | undefined, context: EndingContext): void {
    const ending = describeExit(exit, context);
    this.#ending.show(ending);
    this.#ending.showAccount(exit, started);
    this.#finish(ending.headline, ending.tone);
  }

  #failed(error: MatchboxError, hasStarted: boolean): void {
    const ending = describeFailure(error, hasStarted);
    this.#ending.show(ending);
    this.#finish(ending.headline, ending.tone);
  }

  #finish(headline: string, tone: string): void {
    clearInterval(this.#timer);
    setText(this.#elapsed, "");
    this.#say(headline, tone);
  }

  #say(text: string, tone: string): void {
    this.#status.dataset["tone"] = tone;
    setText(this.#status, text);
  }

  #countFrom(start: number): void {
    clearInterval(this.#timer);
    const show = (): void => {
      setText(this.#elapsed, `${((performance.now() - start) / 1_000).toFixed(1)} s`);
    };
    this.#timer = setInterval(show, ELAPSED_EVERY_MS);
    show();
  }

  async #copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.#transcript.text());
      this.#say("output copied", "idle");
    } catch {
      // Pages without TLS may not, unless they come from this machine.
      this.#say("this browser does not let the page copy", "idle");
    }
  }
}
