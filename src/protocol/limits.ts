/** Version of the WebSocket protocol, told in `hello`. It changes only when a message changes its meaning. */
export const PROTOCOL_VERSION = 1;

/** Longest id a client may choose for a run, in characters. Ids come back in every message, so they must stay small. */
export const MAX_RUN_ID_CHARS = 128;
/** Longest name of a lane that a request may ask for, in characters. */
export const MAX_LANE_NAME_CHARS = 64;

/** Most arguments, and most environment variables, of one run. */
export const MAX_ARGS = 256;
export const MAX_ENV = 256;

/**
 * Bytes that all arguments and variables of a run may take together, NUL bytes included. They travel in one frame of at
 * most 64 KiB with the numbers that describe them.
 */
export const MAX_ARGS_AND_ENV_BYTES = 60_000;

/** Most files that one run may bring along; their sizes are bounded by the size of the message. */
export const MAX_FILES = 256;
/** Longest path of a file in the workspace, in bytes. */
export const MAX_PATH_BYTES = 1024;
/** Longest name between two slashes, in bytes: the limit of Linux file systems. */
export const MAX_NAME_BYTES = 255;

/** Most patterns in `collect`, and the longest one in characters. */
export const MAX_COLLECT_PATTERNS = 32;
export const MAX_PATTERN_CHARS = 256;

/** Input of one run that may wait to be read, in bytes; beyond it the run is cancelled. Told in `hello`. */
export const MAX_STDIN_WAITING_BYTES = 8 * 1024 * 1024;
/** After so much input has been taken the client is told, in bytes: rarely enough to cost nothing. */
export const STDIN_REPORT_BYTES = 1024 * 1024;

/** Longest time-out that any lane may allow: one day, in ms. */
export const MAX_TIMEOUT_MS = 86_400_000;

/** Longest grace between SIGTERM and SIGKILL that any lane may allow, in ms. */
export const MAX_GRACE_MS = 60_000;

/** What happens to output beyond its limit: the first bytes are sent, the first and the last, or the run is killed. */
export const OUTPUT_POLICIES = ["head", "tail", "kill"] as const;
