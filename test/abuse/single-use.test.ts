import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Arena } from "../support/abuse/arena.js";
import { newCanary } from "../support/abuse/canaries.js";

const HUNT = readFileSync(new URL("../support/abuse/hunt.py", import.meta.url), "utf8");

describe("single use", () => {
  let arena: Arena;
  beforeAll(async () => {
    arena = await Arena.open();
  });
  afterAll(() => arena[Symbol.asyncDispose]());

  it("B7.67 a hunt through everything a program can open finds its own secret and nobody else's", () =>
    arena.withstands(async ({ peer }) => {
      const own = newCanary("own");
      const { stdout, exit } = await peer.run("python", HUNT, { files: [{ path: "own", content: own }] });
      expect(exit).toMatchObject({ reason: "exited", exitCode: 0 });
      expect(stdout).toMatch(new RegExp(`^${own} /workspace/own$`, "m"));
      expect(stdout.match(/canary-[a-z]+-[0-9a-f]{32}/g)!.filter((found) => found !== own)).toEqual([]);
    }));

  it("the watch over the canaries sees one that comes through, however it is sent", async () => {
    for (const encoding of ["utf8", "base64"] as const) {
      const tell = `import sys\nfor part in sys.argv[1:]: print(part, end="", flush=True)`;
      const args = [arena.canaries.token.slice(0, 20), arena.canaries.token.slice(20)];
      const attack = arena.withstands(async ({ peer }) => {
        await peer.run("python", tell, { encoding, args });
      });
      await expect(attack).rejects.toThrow("canaries that a client has heard");
    }
  });
});
