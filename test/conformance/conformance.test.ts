import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MatchboxClient } from "../../src/client/client.js";
import { Semaphore } from "../../src/semaphore.js";
import { startDaemon, type TestDaemon } from "../support/daemon.js";
import type { Ending } from "./support/ending.js";
import { runInLane } from "./support/lane-run.js";
import { PlainContainer } from "./support/plain-container.js";
import { type Language, readPrograms, type Program } from "./support/programs.js";

/** Ready sandboxes of each lane. */
const LANE_SIZE = 4;
const CONCURRENCIES = [
  { title: "one run at a time", runsAtOnce: 1 },
  { title: "as many runs at once as the lane has sandboxes", runsAtOnce: LANE_SIZE },
  { title: "four times as many runs at once as the lane has sandboxes", runsAtOnce: 4 * LANE_SIZE },
] as const;

/**
 * `full` runs every program at every concurrency. Else each of a selection runs at one: what has shown a difference once,
 * and half of the usual ones.
 */
const isFull = process.env["MATCHBOX_CONFORMANCE"] === "full";
/** Another folder with `python/*.py` and `shell/*.sh`, run in the same way. */
const folder = process.env["MATCHBOX_CONFORMANCE_PROGRAMS"] ?? path.join(import.meta.dirname, "programs");

const BATCH_TIMEOUT_MS = isFull ? 3_600_000 : 600_000;

const programs = (await readPrograms(folder)).filter(
  ({ kind }, index) => isFull || kind === "telling" || (kind === "usual" && index % 2 === 0),
);

describe("a program in a lane ends as in a plain container of the same image, byte for byte", () => {
  let daemon: TestDaemon;
  let client: MatchboxClient;
  let containers: Readonly<Record<Language, PlainContainer>>;
  const plainEndings = new Map<Program, Promise<Ending>>();

  beforeAll(async () => {
    const settings = ["python", "shell"].flatMap((lane) => [
      `lanes.${lane}.warm=${LANE_SIZE}`,
      `lanes.${lane}.maxSandboxes=${LANE_SIZE + 2}`,
      `lanes.${lane}.queueTimeoutMs=${BATCH_TIMEOUT_MS}`,
    ]);
    const [python, shell] = await Promise.all([PlainContainer.start("python"), PlainContainer.start("shell")]);
    containers = { python, shell };
    daemon = await startDaemon(settings);
    client = await MatchboxClient.connect({ url: daemon.url });
  });
  afterAll(async () => {
    await client.close();
    await daemon[Symbol.asyncDispose]();
    await Promise.all(Object.values(containers).map((container) => container[Symbol.asyncDispose]()));
  });

  /** Plain endings do not depend on what runs beside them: one for all concurrencies. */
  function plainEnding(program: Program): Promise<Ending> {
    const ending = plainEndings.get(program) ?? containers[program.language].run(program);
    plainEndings.set(program, ending);
    return ending;
  }

  describe.each(CONCURRENCIES)("$title", ({ title, runsAtOnce }) => {
    const chosen = programs.filter(
      (_, index) => isFull || CONCURRENCIES[index % CONCURRENCIES.length]?.title === title,
    );
    let results: ReadonlyMap<Program, PromiseSettledResult<readonly [Ending, Ending]>>;

    // All of them at once, so that the tests below only compare.
    beforeAll(async () => {
      const permits = { python: new Semaphore(runsAtOnce), shell: new Semaphore(runsAtOnce) };
      const laneEnding = async (program: Program): Promise<Ending> => {
        const release = await permits[program.language].acquire();
        try {
          return await runInLane(client, program);
        } finally {
          release();
        }
      };
      const settled = await Promise.allSettled(
        chosen.map((program) => Promise.all([laneEnding(program), plainEnding(program)])),
      );
      results = new Map(chosen.map((program, index) => [program, settled[index]!]));
    }, BATCH_TIMEOUT_MS);

    it.each(chosen.map((program) => ({ name: program.name, program })))("$name", ({ program }) => {
      const result = results.get(program)!;
      if (result.status === "rejected") throw result.reason;
      const [lane, plain] = result.value;
      expect(lane).toEqual(plain);
    });
  });
});
