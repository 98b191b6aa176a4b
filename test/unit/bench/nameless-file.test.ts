import { expect, it } from "vitest";
import { contentOf, namelessFile } from "../../../bench/lib/stream/nameless-file.js";

it("a file without a name keeps what is written to it, and reads it from the beginning", async () => {
  const file = await namelessFile();
  try {
    await file.write("one\n");
    await file.write("two\n");
    expect(await contentOf(file)).toBe("one\ntwo\n");
    expect((await file.stat()).nlink).toBe(0);
  } finally {
    await file.close();
  }
});
