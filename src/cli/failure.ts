import { ConnectionError, type MatchboxError } from "../client/errors.js";
import { showDuration } from "./duration.js";

/** One line about a failure of Matchbox, with what to do about it where that is known. */
export function describeFailure(error: MatchboxError): string {
  if (error instanceof ConnectionError && error.code === "connection_failed") return noDaemon(error.message);
  if (error.code === "unauthorized") return `${error.message} Give it with --token or in MATCHBOX_TOKEN.`;
  const again = error.retryAfterMs === undefined ? "" : ` Try again in ${showDuration(error.retryAfterMs)}.`;
  return `${error.message}${again} (${error.code})`;
}

/** @param problem a sentence that says where nobody answered, and how that was noticed */
export function noDaemon(problem: string): string {
  return `${problem} Is the daemon running? Start it with: npm start`;
}
