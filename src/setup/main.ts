import path from "node:path";
import { pathToFileURL } from "node:url";
import { ensureBaseImage } from "./base-image.js";
import { ImageApi } from "./docker-api.js";
import { ensureEngine } from "./engine.js";
import { ensureImage, imageTag } from "./sandbox-image.js";
import { SetupError } from "./setup-error.js";
import type { Step } from "./step.js";
import { runTests } from "./run-tests.js";

/**
 * The second half of `scripts/up.mjs`: sees to the engine and the images, then does what was asked for.
 *
 * The daemon and the bench are loaded into this very process, so that signals, exit code and terminal are theirs without
 * anything in between.
 */
export async function main(options: {
  command: "start" | "test" | "bench";
  args: readonly string[];
  root: string;
  step: Step;
}): Promise<void> {
  const { command, args, root, step } = options;
  await setUp(step);
  if (command === "test") {
    process.exitCode = (await runTests({ root, args, step })) ? 0 : 1;
    return;
  }
  const program = path.join(root, "dist", "src", "cli", "main.js");
  process.argv.splice(1, process.argv.length, program, command === "start" ? "serve" : "bench", ...args);
  await import(pathToFileURL(program).href);
}

/** Until the daemon takes over, Ctrl-C and SIGTERM end the set-up and the programs it runs. */
async function setUp(step: Step): Promise<void> {
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    process.exitCode = signal === "SIGINT" ? 130 : 143;
    stop.abort(new SetupError(`Stopped by ${signal}.`));
    // A call that does not hear the abort must not keep a person waiting.
    setTimeout(() => process.exit(), 2000).unref();
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  const { signal } = stop;
  try {
    const engine = await step("engine", (progress) => ensureEngine({ progress, signal }));
    const images = new ImageApi(engine);
    // The base is of no interest once the image that stands on it is there.
    if (!(await images.has(imageTag("sandbox")))) {
      const base = await step("base image", (progress) => ensureBaseImage(images, { progress, signal }));
      await step("sandbox image", (progress) => ensureImage(images, base, { target: "sandbox", progress, signal }));
    } else {
      await step("sandbox image", (progress) => {
        progress.note(`${imageTag("sandbox")}, unchanged`);
        return Promise.resolve();
      });
    }
  } catch (error) {
    // Calls that were cut off tell it in many ways; the reason is one.
    signal.throwIfAborted();
    throw error;
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}
