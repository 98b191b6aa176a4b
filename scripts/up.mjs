// @ts-check
// What `npm start`, `npm test`, `npm run check` and `npm run bench` call. Needs Node and npm and nothing else: it installs
// the dependencies, compiles, and hands over to src/setup/main.ts, which sees to the engine and the images.
import path from "node:path";
import { fileURLToPath } from "node:url";

const oldestNode = [20, 19];
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const [command = "", ...args] = process.argv.slice(2);

async function up() {
  if (!["start", "test", "check", "bench"].includes(command)) {
    throw told("Usage: node scripts/up.mjs start|test|check|bench [arguments]");
  }
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldestNode;
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    throw told(
      `Matchbox needs Node ${oldestNode.join(".")} or newer; this is ${process.version} (${process.execPath}).`,
    );
  }
  // Imported this late because an old Node cannot even load what these files use.
  const { step } = await import("./steps.mjs");
  const { installDependencies } = await import("./dependencies.mjs");
  await step("dependencies", (progress) => installDependencies(root, progress));
  if (command === "check") {
    const { check } = await import("./check.mjs");
    process.exitCode = (await check(root)) ? 0 : 1;
    return;
  }
  const { build } = await import("./build.mjs");
  await step("build", (progress) => build(root, progress));
  const setup = await import(path.join(root, "dist", "src", "setup", "main.js"));
  await setup.main({ command, args, root, step });
}

/**
 * A failure that is explained in words; what nobody foresaw keeps its stack.
 *
 * @param {string} message
 */
function told(message) {
  return Object.assign(new Error(message), { name: "SetupError" });
}

// Nobody has to listen: without a listener of ours, a reader who has gone would end the process with a stack.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);

try {
  await up();
} catch (error) {
  const isTold = error instanceof Error && ["SetupError", "ConfigError"].includes(error.name);
  const text = error instanceof Error ? (isTold ? error.message : error.stack) : String(error);
  process.stderr.write(`\n${text}\n`);
  if (command === "test") process.stdout.write("0 passed, 1 failed\n");
  process.exitCode ||= 1;
}
