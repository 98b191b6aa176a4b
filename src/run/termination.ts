/** Reasons for which the daemon ends a run that would go on, each with the cause that its KILL frame carries. */
export const KILL_CAUSES = {
  cancelled: 16,
  client_gone: 17,
  shutdown: 18,
  output_limit: 19,
} as const;

export type KillReason = keyof typeof KILL_CAUSES;

/** The reason behind a KILL frame's cause; undefined for a cause that is none of ours. */
export function killReason(cause: number): KillReason | undefined {
  for (const [reason, value] of Object.entries(KILL_CAUSES)) {
    if (value === cause) return reason as KillReason;
  }
  return undefined;
}

/** The one place where a run is asked to end. The first reason wins; later ones change nothing. */
export class Termination {
  readonly #controller = new AbortController();
  #reason: KillReason | undefined;

  get reason(): KillReason | undefined {
    return this.#reason;
  }

  /** Aborted with the first request. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  request(reason: KillReason): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller.abort(new Error(reason));
  }
}
