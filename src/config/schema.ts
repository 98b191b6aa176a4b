import { z } from "zod";
import { IMAGE_TARGETS } from "../image-targets.js";
import { DEFAULT_ADDRESS } from "../protocol/handshake.js";
import { MAX_GRACE_MS, MAX_TIMEOUT_MS, OUTPUT_POLICIES } from "../protocol/limits.js";
import { command, env, gpus, mainFile, user } from "./lane-program.js";

const KIB = 1024;
const MIB = 1024 * KIB;

/** A whole number within a range; the error names the unit and the range, so that `30s` or `-1` explains itself. */
function whole(unit: string, min: number, max: number): z.ZodInt {
  const message = `must be a whole number of ${unit} from ${min} to ${max}`;
  // A number that is out of its range is not compared with others: one mistake, one line.
  return z.int({ error: message }).min(min, { error: message, abort: true }).max(max, { error: message, abort: true });
}

const milliseconds = (min: number, max: number): z.ZodInt => whole("milliseconds", min, max);
const mebibytes = (min: number, max: number): z.ZodInt => whole("MiB", min, max);
const inodes = whole("inodes", 16, 10_000_000);

/** Absolute and plain, so that it means one place whatever the daemon's working directory: no `.`, `..` or empty names. */
const absolutePath = z.string().regex(/^(?:\/(?!\.{1,2}(?:\/|$))[^/\0]+)+$/, {
  error: "must be an absolute path, such as /etc/matchbox/profile.json",
});

export const LANGUAGES = ["python", "shell", "node", "other"] as const;
export type Language = (typeof LANGUAGES)[number];

/** Modules that one lane may preload, and the length of a name: together they are one environment variable. */
const MAX_PRELOADS = 64;
const MAX_PRELOAD_CHARS = 128;

/** What `sun_path` of a unix socket's address holds, without its closing NUL. */
const MAX_SOCKET_PATH_BYTES = 107;

function socketPathBytes(listen: string): number {
  return Buffer.byteLength(listen.slice("unix:".length));
}

const listenAddress = z
  .string()
  .regex(/^(?:unix:\/.+|\[[0-9a-fA-F:]+\]:\d{1,5}|[^:[\]/\s]+:\d{1,5})$/, {
    error: 'must be "host:port", "[v6 address]:port" or "unix:/path/to/socket"',
    abort: true,
  })
  .refine((text) => text.startsWith("unix:") || Number(text.slice(text.lastIndexOf(":") + 1)) <= 65_535, {
    error: "must have a port from 0 to 65535",
  })
  .refine((text) => !text.startsWith("unix:") || socketPathBytes(text) <= MAX_SOCKET_PATH_BYTES, {
    error: ({ input }) =>
      `must have a path of at most ${MAX_SOCKET_PATH_BYTES} bytes (got ${socketPathBytes(String(input))}): the kernel cuts a longer one`,
  });

/** Shortest token, in characters: shorter ones can be guessed. */
export const MIN_TOKEN_CHARS = 16;

const server = z.strictObject({
  listen: listenAddress.default(DEFAULT_ADDRESS).describe("Where the one listener is: host:port, or unix:/path."),
  tokens: z
    .array(z.string().min(MIN_TOKEN_CHARS, { error: `must have at least ${MIN_TOKEN_CHARS} characters` }))
    .default([])
    .describe("Bearer tokens that clients must send; required for any address but loopback."),
  allowedOrigins: z
    .array(z.string())
    .default([])
    .describe("Origins of web pages that may connect besides the daemon's own."),
  allowedHosts: z
    .array(z.string())
    .default([])
    .describe("Names in Host headers that are accepted besides the listen address."),
  maxMessageBytes: whole("bytes", KIB, 64 * MIB)
    .default(8 * MIB)
    .describe("Largest message that is read; a larger one is refused."),
  maxConnections: whole("connections", 1, 100_000).default(1_000).describe("Clients at once; one more is refused."),
  maxConnectionsPerAddress: whole("connections", 1, 100_000)
    .default(256)
    .describe("Connections from one address at once; those of this machine are not counted."),
  maxPendingConnections: whole("connections", 4, 100_000)
    .default(256)
    .describe("Connections without a WebSocket at once; for one more the one that was silent longest is closed."),
  maxRunsPerConnection: whole("runs", 1, 10_000).default(256).describe("Live runs, waiting ones included."),
  pingIntervalMs: milliseconds(1_000, 3_600_000)
    .default(30_000)
    .describe("Between pings; no answer until the next ends the connection."),
  rehearsalMs: milliseconds(0, 3_600_000)
    .default(30_000)
    .describe("For so long after a run the daemon keeps its own path in the processor's caches; 0 never."),
  cpuLatencyUs: whole("microseconds", 0, 10_000)
    .nullable()
    .default(null)
    .describe(
      "How long an idle processor may take to wake while rehearsalMs lasts; 0: none sleeps; null: as the machine has it.",
    ),
  handshakeTimeoutMs: milliseconds(100, 60_000).default(5_000).describe("Longest time a request may take to arrive."),
  highWaterBytes: whole("bytes", 16 * KIB, 64 * MIB)
    .default(MIB)
    .describe("Unsent bytes of one connection above which its programs are held back; they go on below a quarter."),
  slowClientMs: milliseconds(100, 3_600_000)
    .default(30_000)
    .describe("How long a connection may stay held back before it is closed."),
  shutdownGraceMs: milliseconds(0, 600_000)
    .default(5_000)
    .describe("How long live runs may go on after SIGTERM before they are killed."),
  shutdownCleanupMs: milliseconds(1_000, 3_600_000)
    .default(30_000)
    .describe(
      "How long removing sandboxes, network and rules may take after that; the process ends then with exit code 1.",
    ),
});

const engine = z.strictObject({
  kind: z.enum(["docker"]).default("docker").describe("What makes sandboxes."),
  socket: z
    .string()
    .nullable()
    .default(null)
    .describe("unix:///path or tcp://host:port; null takes DOCKER_HOST, else the default socket."),
  instance: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.:@/-]{0,127}$/, {
      error: "must be 1 to 128 of a-z A-Z 0-9 _ . : @ / -, beginning with a letter or digit",
    })
    .nullable()
    .default(null)
    .describe("Label of this daemon's containers; null makes it from the host's name and the listen address."),
  ociRuntime: z
    .string()
    .min(1)
    .nullable()
    .default("auto")
    .describe(
      "The engine's name of an OCI runtime; auto takes crun where it is there and works, null the engine's default.",
    ),
  directPipes: z
    .boolean()
    .default(true)
    .describe(
      "Whether runs go to their sandboxes past the engine where the daemon can: as root, on the engine's own machine.",
    ),
  callDeadlineMs: milliseconds(100, 600_000).default(20_000).describe("Longest time one call to the engine may take."),
  readyDeadlineMs: milliseconds(100, 600_000)
    .default(20_000)
    .describe("Longest time from a container's start to its runner's word that it is ready."),
  maxConcurrentStarts: whole("containers", 1, 64)
    .default(2)
    .describe("Containers in creation at once, over all lanes."),
  maxConcurrentRemovals: whole("containers", 1, 64)
    .default(2)
    .describe("Containers in removal at once; many at once starve the starts."),
  retryMinMs: milliseconds(1, 60_000)
    .default(250)
    .describe("First wait after a failed creation; doubles each time, with jitter."),
  retryMaxMs: milliseconds(1, 600_000).default(2_000).describe("Longest wait between attempts."),
});

const ipv4 = z.ipv4({ error: "must be an IPv4 address" });

const egress = z.strictObject({
  allowPrivate: z.boolean().default(false).describe("Whether private addresses may be reached; the host itself never."),
  allow: z
    .array(z.union([ipv4, z.cidrv4()], { error: "must be an IPv4 address or network, such as 192.168.7.0/24" }))
    .default([])
    .describe("Private addresses or networks that may be reached all the same."),
  dns: z
    .array(
      ipv4.refine((address) => !address.startsWith("127."), {
        error: "must not be on the loopback, which is each sandbox's own",
      }),
    )
    .min(1, { error: "must name a resolver, or be null for the host's own" })
    .nullable()
    .default(null)
    .describe("Resolvers for sandboxes; null takes the host's own."),
  maxConnections: whole("connections", 1, 100_000)
    .default(512)
    .describe("Connections that one sandbox may have at once."),
});

/** Largest stock of one lane: enough for 4,000 runs a second with refills of 0.25 s. */
const MAX_WARM = 1_000;

const HIT_RATE = { error: "must be a share of runs from 0.5 to 0.9999" };
const hitRate = z.number(HIT_RATE).min(0.5, HIT_RATE).max(0.9999, HIT_RATE);

const CPUS = { error: "must be a number of processors from 0.05 to 256" };
const cpus = z.number(CPUS).min(0.05, CPUS).max(256, CPUS);

const adaptiveWarm = z
  .strictObject({
    min: whole("sandboxes", 0, MAX_WARM).default(1).describe("Fewest ready sandboxes, however few runs come."),
    max: whole("sandboxes", 1, MAX_WARM).describe("Most ready sandboxes, however many runs come."),
    target: hitRate.default(0.999).describe("Share of runs that are to find a ready sandbox."),
    idleMiB: mebibytes(1, 65_536)
      .default(10)
      .describe("What one idle sandbox weighs, for sizing.memoryBudgetMiB; more where modules are preloaded."),
  })
  .refine((value) => value.min <= value.max, { error: "must not be over max", path: ["min"] });

const warm = z.union([whole("sandboxes", 0, MAX_WARM), adaptiveWarm], {
  error: `must be a whole number of sandboxes from 0 to ${MAX_WARM}, or {min, max, target} for a stock that follows the runs`,
});

const lane = z
  .strictObject({
    language: z
      .enum(LANGUAGES)
      .describe("Which interpreter waits in the sandbox; `other` starts the lane's `command` when the code has come."),
    image: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe(
        "Image to run, any that the engine has: the runner is mounted into it. null takes the one of `target` that `matchbox build` makes.",
      ),
    target: z
      .enum(IMAGE_TARGETS)
      .default("sandbox")
      .describe("Which of Matchbox's own images: `data` has numpy, pandas and matplotlib."),
    preload: z
      .array(
        z
          .string()
          .max(MAX_PRELOAD_CHARS, { error: `must have at most ${MAX_PRELOAD_CHARS} characters` })
          .regex(/^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*$/, {
            error: "must be the name of a Python module, such as numpy or matplotlib.pyplot",
          }),
      )
      .max(MAX_PRELOADS, { error: `must have at most ${MAX_PRELOADS} modules` })
      .refine((names) => new Set(names).size === names.length, { error: "must not name a module twice" })
      .default([])
      .describe("Python modules that are imported before a sandbox is handed out."),
    command: command
      .nullable()
      .default(null)
      .describe("Program that gets the code's file, and its arguments before that; null takes the language's own."),
    mainFile: mainFile
      .nullable()
      .default(null)
      .describe("Name of the code's file in /workspace; null takes the language's own, such as main.py."),
    env: env.default({}).describe("Variables of every program of the lane, on top of the image's."),
    user: user.default("10001:10001").describe("Numbers of the user and the group that programs run as; never 0."),
    warm: warm
      .default(4)
      .describe("Ready sandboxes to keep: a number, or {min, max, target} to follow the rate at which runs come."),
    maxSandboxes: whole("sandboxes", 1, 10_000)
      .default(32)
      .describe("Containers at once in whatever state, the warm ones included."),
    maxQueued: whole("runs", 0, 100_000).default(64).describe("Runs that may wait for a sandbox; one more is refused."),
    queueTimeoutMs: milliseconds(0, MAX_TIMEOUT_MS)
      .default(30_000)
      .describe("Longest wait for a sandbox where the run does not say."),
    network: z.enum(["none", "egress"]).default("none").describe("`egress`: out to public addresses, nothing in."),
    timeoutMs: milliseconds(1, MAX_TIMEOUT_MS).default(30_000).describe("Time-out of a run that does not ask for one."),
    maxTimeoutMs: milliseconds(1, MAX_TIMEOUT_MS).default(30_000).describe("Longest time-out that a run may ask for."),
    graceMs: milliseconds(0, MAX_GRACE_MS)
      .default(0)
      .describe(
        "From SIGTERM to SIGKILL at the time-out and at `cancel`, for a run that does not say; 0 kills at once.",
      ),
    maxGraceMs: milliseconds(0, MAX_GRACE_MS)
      .default(10_000)
      .describe("Longest such grace that a run may ask for; it comes on top of the time-out."),
    killGraceMs: milliseconds(10, 60_000)
      .default(2_000)
      .describe(
        "How long a killed run's runner may say nothing, while it is listened to, before the container is removed regardless.",
      ),
    maxCodeBytes: whole("bytes", 1, 64 * MIB)
      .default(MIB)
      .describe("Size of one program."),
    maxOutputBytes: whole("bytes", 0, 1_024 * MIB)
      .default(16 * MIB)
      .describe("Output of one run, stdout and stderr together, that is sent."),
    outputPolicy: z
      .enum(OUTPUT_POLICIES)
      .default("head")
      .describe(
        "Beyond the limit: `head` sends the first bytes and goes on, `tail` the first and the last, `kill` ends the run.",
      ),
    outputTailBytes: whole("bytes", 1, 64 * MIB)
      .default(64 * KIB)
      .describe("With `tail`: how much of the limit is kept for the last bytes, which are sent at the end."),
    allowedEnv: z
      .array(
        z.string().regex(/^(?:\*|[A-Za-z_][A-Za-z0-9_]*\*?)$/, {
          error: 'must be the name of a variable, or its beginning and "*"',
        }),
      )
      .default(["*"])
      .describe("Variables that a run may set, by name or beginning; never those that the sandbox itself reads."),
    maxCollectBytes: whole("bytes", 0, 64 * MIB)
      .default(8 * MIB)
      .describe("Size of all files that `collect` sends back, together."),
    maxCollectFiles: whole("files", 0, 10_000).default(64).describe("Files that `collect` sends back."),
    memoryMiB: mebibytes(16, 1_048_576).default(512).describe("Memory, tmpfs contents included; there is no swap."),
    cpus: cpus
      .default(0.5)
      .describe(
        "Processors, in fractions: 0.5 is half of one. Programs are told the next whole number (PYTHON_CPU_COUNT and the like).",
      ),
    pids: whole("processes and threads", 8, 100_000).default(128).describe("Processes and threads at once."),
    openFiles: whole("descriptors", 32, 1_048_576).default(1_024).describe("Open files of one process."),
    workspaceMiB: mebibytes(1, 65_536)
      .default(128)
      .describe("What /workspace holds; it is memory, as all of these are."),
    workspaceInodes: inodes.default(65_536).describe("Files, folders and links that /workspace holds."),
    tmpMiB: mebibytes(1, 65_536).default(64).describe("What /tmp holds."),
    tmpInodes: inodes.default(65_536).describe("The same of /tmp."),
    homeMiB: mebibytes(1, 65_536).default(128).describe("What the home folder holds."),
    homeInodes: inodes.default(65_536).describe("The same of the home folder, where `pip install` writes."),
    shmMiB: mebibytes(1, 65_536).default(64).describe("/dev/shm: shared memory and POSIX semaphores."),
    shmInodes: inodes.default(16_384).describe("The same of /dev/shm."),
    ociRuntime: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe("The engine's name of an OCI runtime for this lane; null takes engine.ociRuntime."),
    gpus: gpus
      .nullable()
      .default(null)
      .describe(
        "Graphics processors to pass to each sandbox: `all`, how many, or a list of device ids; null passes none.",
      ),
    seccomp: absolutePath
      .nullable()
      .default(null)
      .describe(
        "JSON file of a seccomp profile in the engine's form; null takes Matchbox's own. There is no going without.",
      ),
    maskedPaths: z
      .array(absolutePath)
      .default([])
      .describe("Files and folders that programs find empty, besides those that no sandbox sees."),
  })
  .refine((value) => value.timeoutMs <= value.maxTimeoutMs, {
    error: "must not be over maxTimeoutMs",
    path: ["timeoutMs"],
  })
  .refine((value) => value.graceMs <= value.maxGraceMs, {
    error: "must not be over maxGraceMs",
    path: ["graceMs"],
  })
  .refine((value) => typeof value.warm === "object" || value.warm <= value.maxSandboxes, {
    error: "must not be over maxSandboxes",
    path: ["warm"],
  })
  .refine((value) => typeof value.warm === "number" || value.warm.max <= value.maxSandboxes, {
    error: "must not be over maxSandboxes",
    path: ["warm", "max"],
  })
  .refine((value) => value.image === null || value.target === "sandbox", {
    error: "chooses among Matchbox's own images, but the lane has an `image` of its own",
    path: ["target"],
  })
  .refine((value) => value.language === "python" || value.preload.length === 0, {
    error: "must be empty: only lanes of language python import modules",
    path: ["preload"],
  })
  .refine((value) => value.language !== "other" || value.command !== null, {
    error: "must be given where the language is other, such as [ruby]",
    path: ["command"],
  });

const sizing = z.strictObject({
  traceFile: absolutePath
    .nullable()
    .default(null)
    .describe("Where arrivals of the last day are recorded for `matchbox advise`; null keeps them in memory only."),
  traceMaxBytes: whole("bytes", 16 * KIB, 1_024 * MIB)
    .default(8 * MIB)
    .describe("Size of the record, both of its files together; about 50 bytes a run."),
  memoryBudgetMiB: mebibytes(1, 1_048_576)
    .nullable()
    .default(null)
    .describe("What the stocks of all lanes with an adaptive `warm` may weigh together; null sets no bound."),
  windowMs: milliseconds(1_000, 3_600_000)
    .default(60_000)
    .describe("Over which adaptive lanes count arrivals; over a tenth of it too, and bursts over ten of them."),
  holdMs: milliseconds(100, 86_400_000)
    .default(120_000)
    .describe(
      "For so long fewer must have been enough before an adaptive lane gives one sandbox up, and then the next.",
    ),
});

export const configSchema = z.strictObject({
  server: server.prefault({}),
  engine: engine.prefault({}),
  egress: egress.prefault({}),
  log: z
    .strictObject({
      level: z
        .enum(["trace", "debug", "info", "warn", "error", "fatal"])
        .default("info")
        .describe("The least important lines that are still written."),
    })
    .prefault({}),
  sizing: sizing.prefault({}),
  lanes: z
    .record(
      z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, {
        error: "a lane's name must be 1 to 63 of a-z 0-9 -, beginning with a letter",
      }),
      lane,
    )
    .refine((lanes) => Object.keys(lanes).length > 0, { error: "must have at least one lane" }),
});

export type Config = z.infer<typeof configSchema>;
export type LaneConfig = z.infer<typeof lane>;
export type AdaptiveWarm = z.infer<typeof adaptiveWarm>;
export type ServerConfig = Config["server"];
export type EgressConfig = Config["egress"];
