import { z } from "zod";

/** Why a run that started came to its end. */
export const EXIT_REASONS = [
  "exited",
  "signaled",
  "timed_out",
  "out_of_memory",
  "output_limit",
  "cancelled",
  "client_gone",
  "shutdown",
  "lost",
] as const;

export type ExitReason = (typeof EXIT_REASONS)[number];

/** How a grace, the time between SIGTERM and SIGKILL, came to its end. */
export const GRACE_ENDINGS = ["by_itself", "killed"] as const;

const milliseconds = z.number().nonnegative();
const bytes = z.int().nonnegative();

const streamReport = z.object({
  bytes: bytes.describe("Bytes that the program wrote."),
  sent: bytes.describe("Bytes of them that were sent to the client."),
  truncated: z.boolean().describe("Whether bytes were left out."),
});

/** The one terminal message of a run that started. */
export const exitMessage = z.object({
  type: z.literal("exit"),
  id: z.string(),
  seq: z.int(),
  reason: z.enum(EXIT_REASONS),
  exitCode: z
    .int()
    .min(0)
    .max(255)
    .nullable()
    .describe(
      "The program's exit code; null unless it exited by itself: the reason is `exited`, or it did so in its grace.",
    ),
  signal: z.string().nullable().describe("The signal that ended the program, such as `SIGSEGV`; null if none did."),
  grace: z
    .object({ ended: z.enum(GRACE_ENDINGS).describe("Whether the program ended before the kill, or by it.") })
    .optional()
    .describe("What came of the question: there where the program was asked to end (SIGTERM) before it was killed."),
  timings: z.object({
    queueMs: milliseconds.describe("Waiting for a sandbox."),
    handoutMs: milliseconds.describe("From the request (after the wait) to the program's release in the sandbox."),
    firstByteMs: milliseconds.nullable().describe("From the request to the first output; null if there was none."),
    runMs: milliseconds.describe("From the program's release to its end, measured in the sandbox where it is known."),
  }),
  usage: z.object({
    cpuMs: milliseconds
      .nullable()
      .describe("CPU time of the program and its descendants; null if it could not be had."),
    maxRssBytes: bytes
      .nullable()
      .describe("Largest resident set of one process of the run; null if it could not be had."),
    oomKills: bytes.nullable().describe("Processes of the run that the out-of-memory killer killed; null if unknown."),
  }),
  output: z.object({ stdout: streamReport, stderr: streamReport }),
});

export type ExitMessage = z.infer<typeof exitMessage>;
