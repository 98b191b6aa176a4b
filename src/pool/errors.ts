import { DaemonError } from "../errors.js";

/** Who waits when the line is full. */
export interface QueueFullFacts {
  readonly all: number;
  /** Runs of the client that is refused. */
  readonly own: number;
  /** Whether this run waited already. */
  readonly isDisplaced: boolean;
}

/** As many runs wait as may wait. */
export class QueueFullError extends DaemonError {
  readonly code = "queue_full";
  override readonly retryAfterMs: number;

  constructor(lane: string, waiting: QueueFullFacts, retryAfterMs: number) {
    const { all, own, isDisplaced } = waiting;
    super(
      `Lane ${lane} is saturated: ` +
        (isDisplaced
          ? `this run, the last of ${own} of its client that wait, gave its place to a client with fewer.`
          : `${all} runs wait already, ${own} of them this client's, and no more may.`),
    );
    this.retryAfterMs = retryAfterMs;
  }
}

/** All places of a lane are taken by sandboxes that the engine does not remove. */
export class RemovalsOverdueError extends DaemonError {
  readonly code = "lane_degraded";
}

/** No sandbox became free in time. */
export class QueueTimeoutError extends DaemonError {
  readonly code = "queue_timeout";
  override readonly retryAfterMs: number;

  constructor(lane: string, queueMs: number, retryAfterMs: number) {
    super(`No sandbox of lane ${lane} became free within ${queueMs} ms.`);
    this.retryAfterMs = retryAfterMs;
  }
}
