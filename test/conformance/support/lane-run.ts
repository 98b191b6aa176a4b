import type { MatchboxClient } from "../../../src/client/client.js";
import { type Ending, showBytes } from "./ending.js";
import type { Program } from "./programs.js";

/** Runs a program in the lane of its language, as any client would. */
export async function runInLane(client: MatchboxClient, program: Program): Promise<Ending> {
  const { language, code, stdin, args, env, files } = program;
  const run = client.run({
    lane: language,
    code,
    args,
    env,
    files: Object.entries(files).map(([path, content]) => ({ path, content })),
    ...(stdin === "" ? {} : { stdin }),
    encoding: "base64",
  });
  const { stdout, stderr, exit } = await run.result();
  return {
    exit:
      exit.reason === "exited" || exit.reason === "signaled"
        ? `${exit.reason} ${exit.exitCode ?? exit.signal ?? "?"}`
        : exit.reason,
    stdout: showBytes(stdout),
    stderr: showBytes(stderr),
  };
}
