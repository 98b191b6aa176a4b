/**
 * The rules that hold a network lane cannot be put in place, or not be trusted where they are. The lane stays closed; the
 * message names what failed and what to do about it.
 */
export class EgressError extends Error {
  readonly code = "egress_unavailable";
  override readonly name = "EgressError";
}
