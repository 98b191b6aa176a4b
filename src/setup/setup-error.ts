/** A set-up that cannot go on, explained by its message alone: what is wrong and what to do. Shown without a stack. */
export class SetupError extends Error {
  override readonly name = "SetupError";
}
