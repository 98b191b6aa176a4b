import type { ClientRunRequest, MatchboxClient } from "../../client/client.js";
import { MatchboxError } from "../../client/errors.js";
import type { RunEvent } from "../../client/inbox.js";
import type { Run } from "../../client/run.js";
import type { ExitMessage } from "../../protocol/exit.js";

/** What is told of a run, in this order; `ended` or `failed` comes exactly once. */
export interface Audience {
  event(event: RunEvent): void;
  ended(exit: ExitMessage): void;
  failed(error: MatchboxError): void;
  /** The container is gone; not for a run that never had one. */
  gone(afterMs: number): void;
}

/** Plays one run after the other, and what is sent to the one that goes on. */
export class Player {
  #run: Run | undefined;

  get isPlaying(): boolean {
    return this.#run !== undefined;
  }

  /** Settles when the run has ended. */
  async play(
    client: MatchboxClient,
    request: ClientRunRequest & { encoding?: "utf8" },
    audience: Audience,
  ): Promise<void> {
    const run = client.run(request);
    this.#run = run;
    try {
      for await (const event of run) audience.event(event);
      audience.ended(await run.exit);
    } catch (error) {
      if (!(error instanceof MatchboxError)) throw error;
      audience.failed(error);
    } finally {
      this.#run = undefined;
    }
    void run.destroyed.then(
      (destroyed) => {
        if (destroyed !== undefined) audience.gone(destroyed.afterMs);
      },
      // The connection ended first: nobody can say.
      () => undefined,
    );
  }

  cancel(): void {
    this.#run?.cancel();
  }

  send(text: string): void {
    void this.#run?.write(text);
  }

  endInput(): void {
    this.#run?.end();
  }
}
