import { z } from "zod";
import { ERROR_CODES } from "./error-codes.js";
import { exitMessage } from "./exit.js";
import {
  MAX_ARGS,
  MAX_COLLECT_PATTERNS,
  MAX_ENV,
  MAX_FILES,
  MAX_GRACE_MS,
  MAX_LANE_NAME_CHARS,
  MAX_PATTERN_CHARS,
  MAX_RUN_ID_CHARS,
  MAX_TIMEOUT_MS,
  OUTPUT_POLICIES,
} from "./limits.js";
import { isWorkspacePath, isUserVariable } from "./names.js";

/** Encodings of bytes in JSON: text, or exact bytes. */
export const ENCODINGS = ["utf8", "base64"] as const;
export type Encoding = (typeof ENCODINGS)[number];

/** Names that a client chooses come back to it and stand in the log: nothing in them may move a cursor or begin a line. */
const name = (maxChars: number) =>
  z
    .string()
    .min(1)
    .max(maxChars)
    .refine((text) => !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(text), "must not contain control characters");
const runId = name(MAX_RUN_ID_CHARS);
const laneName = name(MAX_LANE_NAME_CHARS);
const encoding = z.enum(ENCODINGS);
// What is not Unicode would get to the program as something else.
const unicode = z.string().refine((text) => text.isWellFormed(), "must not contain a lone surrogate");
const withoutNul = unicode.refine((text) => !text.includes("\0"), "must not contain a NUL character");

const inputFile = z.strictObject({
  path: z
    .string()
    .refine(
      isWorkspacePath,
      'must be a path inside the workspace, such as "data/in.csv": no leading "/", no "." or ".." in it',
    ),
  content: unicode,
  encoding: encoding.default("utf8"),
  mode: z.int().min(0).max(0o777).default(0o644),
});

/** A text of a message that was too large to be read between other clients' messages is bytes already, base64 decoded. */
export type Text = string | Uint8Array;

export type InputFile = z.infer<typeof inputFile>;
export type ReceivedFile = Omit<InputFile, "content"> & { readonly content: Text };

const environment = z
  // Under this one name a record loses what it is given, and nothing may get lost in silence.
  .custom<Record<string, string>>(
    (env) => typeof env !== "object" || env === null || !Object.hasOwn(env, "__proto__"),
    {
      error: "must not have a variable __proto__",
    },
  )
  .pipe(
    z
      .record(z.string().refine(isUserVariable, "is not a name that a program's environment may set"), withoutNul)
      .refine((env) => Object.keys(env).length <= MAX_ENV, `must have at most ${MAX_ENV} variables`),
  );

export const runMessage = z.strictObject({
  type: z.literal("run"),
  id: runId.describe("Chosen by the client; unique among the live runs of its connection."),
  lane: laneName,
  code: unicode.describe("The program's text."),
  stdin: z
    .union([unicode, z.literal(true)], { error: "must be a string, or true" })
    .optional()
    .describe("The whole input, or `true` to keep it open for `stdin` messages; without it the input is empty."),
  stdinEncoding: encoding.optional().describe("Of a `stdin` that is a string; utf8 where it is left out."),
  args: z.array(withoutNul).max(MAX_ARGS).default([]),
  env: environment.default({}),
  files: z.array(inputFile).max(MAX_FILES).default([]),
  collect: z
    .array(withoutNul.min(1).max(MAX_PATTERN_CHARS))
    .max(MAX_COLLECT_PATTERNS)
    .default([])
    .describe("Patterns of files in the workspace to send back after the end; `**` crosses folders."),
  timeoutMs: z.int().min(1).max(MAX_TIMEOUT_MS).optional().describe("Never above the lane's own limit."),
  graceMs: z
    .int()
    .min(0)
    .max(MAX_GRACE_MS)
    .optional()
    .describe(
      "From SIGTERM to SIGKILL at the time-out and at `cancel`; 0 kills at once. Never above the lane's `maxGraceMs`.",
    ),
  limits: z
    .strictObject({ outputBytes: z.int().min(0).optional() })
    .default({})
    .describe("Tighter limits for this run; never above the lane's."),
  queueMs: z.int().min(0).max(MAX_TIMEOUT_MS).optional().describe("Longest wait for a sandbox; 0 refuses to wait."),
  encoding: encoding.default("utf8").describe("How stdout, stderr and collected files are sent."),
});

export const stdinMessage = z.strictObject({
  type: z.literal("stdin"),
  id: runId,
  data: unicode,
  encoding: encoding.default("utf8").describe("Of `data`."),
});
export const stdinEndMessage = z.strictObject({ type: z.literal("stdin_end"), id: runId });
export const cancelMessage = z.strictObject({ type: z.literal("cancel"), id: runId });

/** Everything that a client may send. Strict: an unknown field is a mistake that the client wants to hear of. */
export const clientMessage = z.discriminatedUnion("type", [runMessage, stdinMessage, stdinEndMessage, cancelMessage]);

export type RunMessage = Omit<z.infer<typeof runMessage>, "code" | "stdin" | "files"> & {
  readonly code: Text;
  readonly stdin?: Text | true | undefined;
  readonly files: ReceivedFile[];
};
export type StdinMessage = Omit<z.infer<typeof stdinMessage>, "data"> & { readonly data: Text };
/** A run as a client writes it: everything with a default may be left out. */
export type RunRequest = Omit<z.input<typeof runMessage>, "type">;
export type ClientMessage = RunMessage | StdinMessage | z.infer<typeof stdinEndMessage> | z.infer<typeof cancelMessage>;
export type ClientMessageInput = z.input<typeof clientMessage>;

const seq = z.int().nonnegative().describe("Counts the messages of one run, up by one from 0.");
const milliseconds = z.number().nonnegative();

export const laneLimits = z.object({
  name: z.string(),
  language: z.string(),
  network: z.boolean(),
  timeoutMs: z.int(),
  maxTimeoutMs: z.int(),
  graceMs: z.int().optional(),
  maxGraceMs: z.int().optional(),
  maxCodeBytes: z.int(),
  maxOutputBytes: z.int(),
  outputPolicy: z.enum(OUTPUT_POLICIES).optional(),
  memoryBytes: z.int(),
  cpus: z.number(),
});

const helloMessage = z.object({
  type: z.literal("hello"),
  protocol: z.int(),
  server: z.string().describe("Version of the daemon."),
  lanes: z.array(laneLimits),
  stdinWindowBytes: z.int().positive().optional().describe("Input of one run that may wait to be read."),
});

const queuedMessage = z.object({
  type: z.literal("queued"),
  id: runId,
  seq,
  position: z.int().min(1),
  etaMs: milliseconds.nullable(),
});

export const LAUNCHES = ["warm", "cold"] as const;
/** Whether a run's sandbox was ready before the request or became ready only after it. */
export type Launch = (typeof LAUNCHES)[number];

const startedMessage = z.object({
  type: z.literal("started"),
  id: runId,
  seq,
  sandbox: z.string(),
  launch: z.enum(LAUNCHES),
  queueMs: milliseconds,
  handoutMs: milliseconds,
});

const outputMessage = z.object({
  type: z.enum(["stdout", "stderr"]),
  id: runId,
  seq,
  data: z.string(),
  omittedBytes: z
    .int()
    .positive()
    .optional()
    .describe("Bytes of this stream that were left out right before `data`; where the lane keeps the tail."),
});

const stdinTakenMessage = z.object({
  type: z.literal("stdin_taken"),
  id: runId,
  seq,
  bytes: z.int().nonnegative().describe("Bytes of input since the run's start that wait no more."),
});

const fileMessage = z.object({
  type: z.literal("file"),
  id: runId,
  seq,
  path: z.string(),
  size: z.int(),
  mode: z.int(),
  content: z.string().optional().describe("Left out when the file is not sent; `skipped` says why."),
  encoding: encoding.optional(),
  skipped: z.enum(["too_large", "too_many", "not_regular", "unreadable", "unread"]).optional(),
});

export const errorMessage = z.object({
  type: z.literal("error"),
  id: z.string().optional().describe("The run it is about; left out when the message had none."),
  seq: seq.optional().describe("Only in errors that end a run."),
  code: z.enum(ERROR_CODES),
  message: z.string(),
  retryable: z.boolean(),
  retryAfterMs: milliseconds.optional(),
});

const destroyedMessage = z.object({
  type: z.literal("destroyed"),
  id: runId,
  seq,
  sandbox: z.string(),
  afterMs: milliseconds.describe("From the run's end to the engine's word that the container is gone."),
});

const pingMessage = z.object({ type: z.literal("ping") });

/** Everything that the daemon may send. Loose on the client's side: a newer daemon may add fields. */
export const serverMessage = z.discriminatedUnion("type", [
  helloMessage,
  queuedMessage,
  startedMessage,
  outputMessage,
  stdinTakenMessage,
  fileMessage,
  exitMessage,
  errorMessage,
  destroyedMessage,
  pingMessage,
]);

export type LaneLimits = z.infer<typeof laneLimits>;
export type HelloMessage = z.infer<typeof helloMessage>;
export type StartedMessage = z.infer<typeof startedMessage>;
export type OutputMessage = z.infer<typeof outputMessage>;
export type FileMessage = z.infer<typeof fileMessage>;
export type ErrorMessage = z.infer<typeof errorMessage>;
export type ServerMessage = z.infer<typeof serverMessage>;
