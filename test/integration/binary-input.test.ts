import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MatchboxClient } from "../../src/client/client.js";
import { seededNumbers } from "../../src/sizing/seeded.js";
import { startDaemon, type TestDaemon } from "../support/daemon.js";

describe("input that is not text", () => {
  let daemon: TestDaemon;
  let client: MatchboxClient;
  beforeAll(async () => {
    daemon = await startDaemon();
    client = await MatchboxClient.connect({ url: daemon.url });
  });
  afterAll(async () => {
    await client.close();
    await daemon[Symbol.asyncDispose]();
  });

  const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const large = Buffer.from(Array.from({ length: 3 * 1024 * 1024 + 1 }, (_, at) => (at * 31 + (at >> 8)) % 256));

  it.each([
    ["each byte", everyByte],
    ["some mebibytes", large],
    ["nothing", Buffer.alloc(0)],
  ])("arrives as it is where it is whole: %s", async (_what, stdin) => {
    const { stdout } = await client.run({ lane: "shell", code: "cat", stdin, encoding: "base64" }).result();
    expect(Buffer.from(stdout).equals(stdin)).toBe(true);
  });

  it("arrives as it is where it comes in pieces, text among them", async () => {
    const random = seededNumbers(7);
    const run = client.run({ lane: "shell", code: "cat", stdin: true, encoding: "base64" });
    const result = run.result();
    const sent: Buffer[] = [];
    for (let at = 0; at < 500_000;) {
      const piece = large.subarray(at, (at += 1 + Math.floor(random() * (random() < 0.1 ? 200_000 : 300))));
      sent.push(piece, Buffer.from("ü"));
      await run.write(piece);
      await run.write("ü");
    }
    run.end();
    const { stdout } = await result;
    expect(Buffer.from(stdout).equals(Buffer.concat(sent))).toBe(true);
  });

  it("is answered while the program waits for more", async () => {
    const code =
      "import sys\nwhile byte := sys.stdin.buffer.read(1): sys.stdout.buffer.write(bytes([255 - byte[0]])); sys.stdout.flush()";
    const run = client.run({ lane: "python", code, stdin: true, encoding: "base64" });
    const answers: number[] = [];
    await run.write(Uint8Array.of(0));
    for await (const event of run) {
      if (event.type !== "stdout") continue;
      answers.push(...Buffer.from(event.data, "base64"));
      if (answers.length < 4) await run.write(Uint8Array.of([0, 128, 255, 13][answers.length] ?? 0));
      else run.end();
    }
    expect(answers).toEqual([255, 127, 0, 242]);
  });

  it("is refused where it is not base64, and the run ends", async () => {
    const run = client.run({ lane: "shell", code: "cat", stdin: "a!", stdinEncoding: "base64" });
    await expect(run.result()).rejects.toMatchObject({
      code: "bad_message",
      message: expect.stringMatching(/^stdin: is not base64: U\+0021 at character 2 of 2/),
    });
  });
});
