/** Every way in which Matchbox itself fails a message or a run. The ending of a program is never an error: see `exit.ts`. */
export const ERROR_CODES = [
  "bad_message",
  "unauthorized",
  "forbidden_origin",
  "not_found",
  "unknown_lane",
  "unknown_run",
  "duplicate_run",
  "too_large",
  "too_many_runs",
  "queue_full",
  "queue_timeout",
  "rate_limited",
  "lane_degraded",
  "engine_down",
  "shutting_down",
  "slow_client",
  "internal",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

interface ErrorCodeFacts {
  /** Status of an HTTP answer that carries this error. */
  readonly httpStatus: number;
  /** Code with which a WebSocket is closed because of it; undefined leaves the connection open. */
  readonly closeCode: number | undefined;
  /** Whether the same message may succeed later without being changed. */
  readonly retryable: boolean;
  readonly meaning: string;
}

/** Total by construction: a code without facts does not compile. */
export const ERROR_FACTS: Readonly<Record<ErrorCode, ErrorCodeFacts>> = {
  bad_message: fact(
    400,
    undefined,
    false,
    "The message breaks the protocol; `message` says where and what is allowed.",
  ),
  unauthorized: fact(401, undefined, false, "The token is missing or wrong."),
  forbidden_origin: fact(
    403,
    undefined,
    false,
    "The Origin or Host of the request is not allowed in the configuration.",
  ),
  not_found: fact(404, undefined, false, "There is nothing at this path."),
  unknown_lane: fact(404, undefined, false, "No lane has this name; `message` lists those that exist."),
  unknown_run: fact(404, undefined, false, "This connection has no live run with this id."),
  duplicate_run: fact(409, undefined, false, "A live run of this connection has this id already; that run goes on."),
  too_large: fact(413, undefined, false, "The code, a file or the whole message is over its limit."),
  too_many_runs: fact(429, undefined, true, "This connection has as many live runs as it may have."),
  queue_full: fact(
    503,
    undefined,
    true,
    "As many runs wait for this lane as may wait; try again after `retryAfterMs`.",
  ),
  queue_timeout: fact(503, undefined, true, "No sandbox became free within `queueMs`."),
  rate_limited: fact(429, undefined, true, "Too many requests from this client."),
  lane_degraded: fact(
    503,
    undefined,
    true,
    "The engine cannot make sandboxes for this lane; `message` has its words and the fix.",
  ),
  engine_down: fact(
    503,
    undefined,
    true,
    "The container engine does not answer; the daemon recovers by itself when it does.",
  ),
  shutting_down: fact(503, 1001, true, "The daemon is stopping and takes no new runs."),
  slow_client: fact(408, 4008, false, "The client read too slowly for too long."),
  internal: fact(500, undefined, false, "A fault of Matchbox; the log has it under this run's id."),
};

function fact(httpStatus: number, closeCode: number | undefined, retryable: boolean, meaning: string): ErrorCodeFacts {
  return { httpStatus, closeCode, retryable, meaning };
}
