import { interruptible } from "./lib/interrupts.js";
import { machineFacts } from "./lib/machine.js";
import { printResult } from "./lib/report.js";
import { writeResult } from "./lib/results.js";
import type { Scenario } from "./lib/scenario.js";
import { burst } from "./scenarios/burst.js";
import { density } from "./scenarios/density.js";
import { preload } from "./scenarios/preload.js";
import { refill } from "./scenarios/refill.js";
import { soak } from "./scenarios/soak.js";
import { stream } from "./scenarios/stream.js";
import { sustained } from "./scenarios/sustained.js";
import { warmHit } from "./scenarios/warm-hit.js";

/** In the order in which all of them are run. */
const SCENARIOS: readonly Scenario[] = [warmHit, preload, burst, sustained, refill, stream, density, soak];

export interface BenchOptions {
  /** Names of scenarios; none runs them all. */
  readonly scenarios: readonly string[];
  readonly runs?: number;
  readonly idle?: number;
  readonly json?: string;
  readonly url?: string;
  readonly token?: string;
  readonly list?: boolean;
}

/** Runs scenarios, prints what came out and writes it down. @returns the exit code */
export async function bench(options: BenchOptions): Promise<number> {
  if (options.list === true) {
    for (const { name, summary } of SCENARIOS) process.stdout.write(`${name}  ${summary}\n`);
    return 0;
  }
  const unknown = options.scenarios.find((name) => !SCENARIOS.some((scenario) => scenario.name === name));
  if (unknown !== undefined) {
    process.stderr.write(
      `There is no scenario "${unknown}"; there are: ${SCENARIOS.map(({ name }) => name).join(", ")}\n`,
    );
    return 1;
  }
  const chosen = SCENARIOS.filter(({ name }) => options.scenarios.length === 0 || options.scenarios.includes(name));
  if (options.json !== undefined && chosen.length > 1) {
    process.stderr.write("--json takes the results of one scenario; name the one.\n");
    return 1;
  }
  for (const scenario of chosen) {
    const result = await interruptible((signal) =>
      scenario.run({
        runs: options.runs ?? scenario.defaults.runs,
        idleMs: options.idle ?? scenario.defaults.idleMs,
        url: options.url,
        token: options.token,
        signal,
        onProgress: showProgress,
      }),
    );
    showProgress(undefined);
    const machine = await machineFacts();
    printResult(result, machine, (line) => process.stdout.write(`${line}\n`));
    const file = await writeResult(result, machine, options.json);
    process.stdout.write(`\nWritten to ${file}\n`);
  }
  return 0;
}

/** One line that replaces itself, on a terminal only: a measurement should not be busy printing. */
function showProgress(text: string | undefined): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text ?? ""}`);
}
