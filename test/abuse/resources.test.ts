import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Arena } from "../support/abuse/arena.js";

describe("hostile to resources", () => {
  let arena: Arena;
  beforeAll(async () => {
    arena = await Arena.open();
  });
  afterAll(() => arena[Symbol.asyncDispose]());

  it("B1.3 memory touched in a loop ends as out_of_memory, not as a time-out", () =>
    arena.withstands(async ({ peer }) => {
      const { exit } = await peer.run("python", "kept = []\nwhile True: kept.append(bytearray(16 << 20))");
      expect(exit).toMatchObject({ reason: "out_of_memory", exitCode: null, signal: "SIGKILL" });
    }));
});
