import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDaemon, type TestDaemon } from "../support/daemon.js";
import { containersOf } from "../support/engine-view.js";
import { Peer } from "../support/peer.js";
import { waitFor } from "../support/wait.js";

const RUN = { type: "run", id: "bad", lane: "python", code: "print(1)" };

describe("bad input", () => {
  let daemon: TestDaemon;
  let peer: Peer;
  let neighbour: string;
  beforeAll(async () => {
    daemon = await startDaemon(["server.maxMessageBytes=2000000"]);
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
  });

  /** Sends something while another run of the same connection is under way, and asserts that that one goes on unharmed. */
  async function besideALiveRun(misdeed: () => Promise<void>): Promise<void> {
    await using connection = await Peer.connect(daemon.url);
    peer = connection;
    neighbour = peer.start("python", "import time; print('a'); time.sleep(0.4); print('b')", { id: "neighbour" });
    await peer.heard(neighbour, "stdout");
    await misdeed();
    const { stdout, exit } = await peer.ending(neighbour);
    expect(stdout).toBe("a\nb\n");
    expect(exit).toMatchObject({ reason: "exited", exitCode: 0 });
    await peer.destroyed(neighbour);
  }

  const messages: [name: string, message: Record<string, unknown>, code: string, words: RegExp][] = [
    ["an unknown lane", { ...RUN, lane: "cobol" }, "unknown_lane", /no lane "cobol"; there are: python, shell/],
    ["an unknown field", { ...RUN, colour: "red" }, "bad_message", /"colour"/],
    ["a missing field", { type: "run", id: "bad", lane: "python" }, "bad_message", /^code: .*string.*\(got nothing\)/],
    ["a wrong type", { ...RUN, code: 7 }, "bad_message", /^code: .*string.*\(got 7\)/],
    ["an unknown message", { type: "explode", id: "bad" }, "bad_message", /^type: /],
    [
      "code over the limit",
      { ...RUN, code: "#".repeat(1_048_577) },
      "too_large",
      /^code: has 1048577 bytes; lane python takes 1048576 at most/,
    ],
    ["a negative time-out", { ...RUN, timeoutMs: -1 }, "bad_message", /^timeoutMs: .*\(got -1\)/],
    ["a huge time-out", { ...RUN, timeoutMs: 1e12 }, "bad_message", /^timeoutMs: .*86400000.*\(got 1000000000000\)/],
    [
      "a time-out over the lane's",
      { ...RUN, timeoutMs: 31_000 },
      "bad_message",
      /^timeoutMs: is 31000; lane python allows 1 to 30000/,
    ],
    [
      "an output limit over the lane's",
      { ...RUN, limits: { outputBytes: 1e9 } },
      "bad_message",
      /^limits.outputBytes: is 1000000000; lane python allows/,
    ],
    [
      "a file outside the workspace",
      { ...RUN, files: [{ path: "../x", content: "" }] },
      "bad_message",
      /^files.0.path: .*inside the workspace.*\(got "..\/x"\)/,
    ],
    [
      "a file in the program's place",
      { ...RUN, files: [{ path: "main.py", content: "" }] },
      "bad_message",
      /^files.0.path: "main.py" is taken/,
    ],
    ["a variable that the loader reads", { ...RUN, env: { LD_PRELOAD: "x" } }, "bad_message", /^env.LD_PRELOAD: /],
    [
      "base64 that is none",
      { ...RUN, files: [{ path: "x", content: "!!", encoding: "base64" }] },
      "bad_message",
      /^files.0.content: is not base64/,
    ],
    [
      "a file over a folder",
      {
        ...RUN,
        files: [
          { path: "a/b", content: "" },
          { path: "a", content: "" },
        ],
      },
      "bad_message",
      /^files: /,
    ],
  ];
  it.each(messages)("%s", async (_name, message, code, words) => {
    await besideALiveRun(async () => {
      peer.send(message);
      const error = await peer.error(code);
      expect(error.message).toMatch(words);
      expect(error.id).toBe("bad");
      expect(peer.outcome("bad").exit).toBeUndefined();
    });
  });

  it("a run that its sandbox refused gets its error at once, and the receipt after it", async () => {
    await using client = await Peer.connect(daemon.url);
    const files = [
      { path: "a/b", content: "" },
      { path: "a", content: "" },
    ];
    const id = client.start("python", "print(1)", { files });
    const { error, started, exit } = await client.ending(id);
    expect(error).toMatchObject({ code: "bad_message", retryable: false });
    expect(exit).toBeUndefined();
    expect((await client.destroyed(id)).sandbox).toBe(started?.sandbox);
  });

  it("a duplicate live id: the first run goes on under it", async () => {
    await besideALiveRun(async () => {
      peer.send({ ...RUN, id: neighbour });
      const error = await peer.error("duplicate_run");
      expect(error).toMatchObject({ id: neighbour });
      // Only an error with a place in the sequence ends the run of its id.
      expect(error.seq).toBeUndefined();
    });
  });

  it("an id is free again after the ending", async () => {
    await using client = await Peer.connect(daemon.url);
    client.start("python", "print(1)", { id: "again" });
    await client.ending("again");
    await client.destroyed("again");
    client.messages.length = 0;
    client.start("python", "print(2)", { id: "again" });
    expect((await client.ending("again")).stdout).toBe("2\n");
  });

  it("a binary frame", async () => {
    await besideALiveRun(async () => {
      peer.sendRaw(Buffer.from(JSON.stringify(RUN)));
      expect((await peer.error("bad_message")).message).toMatch(/Binary frames/);
    });
  });

  it("broken JSON", async () => {
    await besideALiveRun(async () => {
      peer.sendRaw('{"type": "run",');
      expect((await peer.error("bad_message")).message).toMatch(/not JSON/);
    });
  });

  it("a message over the limit", async () => {
    await besideALiveRun(async () => {
      peer.send({ ...RUN, code: "#".repeat(2_000_000) });
      expect((await peer.error("too_large")).message).toMatch(/bytes; 2000000 is the most/);
    });
  });

  it("a frame that no buffer was meant for ends its connection with 1009, and nobody else's", async () => {
    await besideALiveRun(async () => {
      await using flooder = await Peer.connect(daemon.url);
      flooder.sendRaw("x".repeat(9_000_000));
      await waitFor(() => flooder.closeCode !== undefined, { timeoutMs: 10_000, what: "the connection to be closed" });
      expect(flooder.closeCode).toBe(1009);
    });
  });

  it("messages about a run that is not there", async () => {
    await besideALiveRun(async () => {
      for (const type of ["cancel", "stdin_end"]) peer.send({ type, id: "nobody" });
      peer.send({ type: "stdin", id: "nobody", data: "x" });
      await peer.until(
        () => peer.messages.filter((m) => m.type === "error" && m.code === "unknown_run").length === 3,
        "three errors",
      );
    });
  });

  it("input for a run whose input is not open", async () => {
    await besideALiveRun(async () => {
      peer.send({ type: "stdin", id: neighbour, data: "x" });
      expect((await peer.error("bad_message")).message).toMatch(/input of this run is not open/);
    });
  });

  it("one connection cannot touch another's run", async () => {
    await besideALiveRun(async () => {
      await using stranger = await Peer.connect(daemon.url);
      stranger.send({ type: "cancel", id: neighbour });
      expect((await stranger.error("unknown_run")).id).toBe(neighbour);
    });
  });

  it("leaves nothing behind: the stock is as it was", async () => {
    await waitFor(async () => (await containersOf(daemon.instance)).length === 3, {
      timeoutMs: 20_000,
      what: "the stock to be full and nothing else",
    });
  });
});
