import { DaemonError } from "../errors.js";

/** As many runs wait as may wait. */
export class QueueFullError extends DaemonError {
  readonly code = "queue_full";
  override readonly retryAfterMs: number;

  constructor(lane: string, waiting: number, retryAfterMs: number) {
    super(`Lane ${lane} is saturated: ${waiting} runs wait already, and no more may.`);
    this.retryAfterMs = retryAfterMs;
  }
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
