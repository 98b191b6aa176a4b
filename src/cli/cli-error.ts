/** Exit code for whatever Matchbox itself failed at, as with `docker run`: a program's own codes stay below it. */
export const EXIT_MATCHBOX_FAILED = 125;

/** A failure that its one line explains; shown without a stack. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: number;

  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = options.exitCode ?? EXIT_MATCHBOX_FAILED;
  }
}
