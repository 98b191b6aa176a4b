import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { packageRoot } from "../../../src/package-root.js";

/** Opens files until there is no descriptor left, then asks; one that is closed again lets the answer out. */
const PROGRAM = `
  import { closeSync, openSync } from "node:fs";
  const { localHost } = await import(process.argv[1]);
  const host = await localHost();
  const open = [];
  try { for (;;) open.push(openSync("/dev/null")); } catch {}
  const told = [];
  for (const ask of [
    () => host.blindSpot("lo"),
    () => host.ipv4.read({ signal: new AbortController().signal }),
    () => host.ipv4.write("", { signal: new AbortController().signal }),
  ]) told.push(await ask().then(() => "nothing", (error) => error.name + ": " + error.message));
  await new Promise((resolve) => host.monitor({ onChange() {}, onEnd: resolve }));
  for (const descriptor of open) closeSync(descriptor);
  console.log(JSON.stringify(told));
`;

it("a want of descriptors is told as that, and never as a bridge or a firewall that is not there", async () => {
  const module = join(packageRoot(), "dist", "src", "container", "egress-host.js");
  const { stdout } = await promisify(execFile)("sh", [
    "-c",
    'ulimit -n 64 && exec "$0" --input-type=module -e "$1" "$2"',
    process.execPath,
    PROGRAM,
    module,
  ]);
  const told = JSON.parse(stdout) as string[];
  expect(told).toHaveLength(3);
  for (const words of told) expect(words).toMatch(/^DescriptorsError: The daemon cannot .*LimitNOFILE/);
});
