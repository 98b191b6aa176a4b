import { MAX_NAME_BYTES, MAX_PATH_BYTES } from "./limits.js";

const encoder = new TextEncoder();

function byteLength(text: string): number {
  return encoder.encode(text).length;
}

/**
 * Whether a client may name a file so: relative, inside the workspace, and meaning the same to every reader. Backslashes
 * and control characters, U+0080 to U+009F and the two separators of lines among them, are refused because some reader would
 * take them for something else. What turns the direction of writing, or joins characters, is a part of names in many scripts:
 * it may stand there, and is escaped where a name is shown on a terminal.
 */
export function isWorkspacePath(path: string): boolean {
  if (!path.isWellFormed() || byteLength(path) > MAX_PATH_BYTES) return false;
  if (/[\\\p{Cc}\p{Zl}\p{Zp}]/u.test(path)) return false;
  return path
    .split("/")
    .every((name) => name !== "" && name !== "." && name !== ".." && byteLength(name) <= MAX_NAME_BYTES);
}

/**
 * Variables that change how an interpreter or the dynamic loader starts, or that the waiting interpreter reads. A run that
 * could set them would not be the run of a plain `python3 main.py` any more, and some would come too late to take effect.
 */
const RESERVED_VARIABLES =
  /^(?:LD_.*|PYTHON(?!_CPU_COUNT$).*|BASH.*|MATCHBOX_.*|__matchbox_.*|GLIBC_TUNABLES|MALLOC_.*|GCONV_PATH|LOCPATH|ENV|IFS|SHELLOPTS|POSIXLY_CORRECT|PS4|PROMPT_COMMAND|UID|EUID|PPID|SHLVL|_)$/;

/** Whether a client may set this environment variable. */
export function isUserVariable(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name) && !RESERVED_VARIABLES.test(name);
}
