/** Reasons for which the daemon ends a run that would go on, each with the cause that its KILL frame carries. */
export const KILL_CAUSES = {
  cancelled: 16,
  client_gone: 17,
  shutdown: 18,
  output_limit: 19,
} as const;

export type KillReason = keyof typeof KILL_CAUSES;

/**
 * How long the program has to end by itself once it has been asked to. Only a client that still wants its results has any use for
 * that: at a shutdown the run has had the daemon's own grace, and the other two protect the daemon.
 * @param graceMs the run's
 */
export function graceOf(reason: KillReason, graceMs: number): number {
  return reason === "cancelled" ? graceMs : 0;
}

/** The reason behind a KILL frame's cause; undefined for a cause that is none of ours. */
export function killReason(cause: number): KillReason | undefined {
  for (const [reason, value] of Object.entries(KILL_CAUSES)) {
    if (value === cause) return reason as KillReason;
  }
  return undefined;
}

/** The one place where a run is asked to end. The first reason wins; a later one without a grace ends that of the first. */
export class Termination {
  readonly #controller = new AbortController();
  #reason: KillReason | undefined;
  /** Called with each later reason for which the program has no grace. */
  onHurry: (() => void) | undefined;

  get reason(): KillReason | undefined {
    return this.#reason;
  }

  /** Aborted with the first request. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  request(reason: KillReason): void {
    if (this.#reason !== undefined) {
      if (reason !== "cancelled") this.onHurry?.();
      return;
    }
    this.#reason = reason;
    this.#controller.abort(new Error(reason));
  }
}
