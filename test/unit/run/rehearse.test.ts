import { describe, expect, it } from "vitest";
import { systemClock } from "../../../src/clock.js";
import { runMessage, type ServerMessage } from "../../../src/protocol/messages.js";
import { isUsualAnswer } from "../../../src/protocol/usual-messages.js";
import { rehearse } from "../../../src/run/rehearse.js";
import { type OutputPiece, Run } from "../../../src/run/run.js";
import { laneConfig } from "../pool/rig.js";

describe("a rehearsal of a run", () => {
  it("sends what a run sends that prints a line, through the path of every run, and has no sandbox", async () => {
    const messages: ServerMessage[] = [];
    const output: OutputPiece[] = [];
    const run = new Run({
      request: runMessage.parse({ type: "run", id: "rehearsal", lane: "rehearsal", code: "print(1)" }),
      client: "itself",
      receivedAt: systemClock.now(),
      send: (message) => messages.push(message),
      sendOutput: (piece) => output.push({ ...piece, bytes: Buffer.from(piece.bytes) }),
    });
    await rehearse(run, { config: laneConfig(), clock: systemClock });
    expect(messages.map(({ type }) => type)).toEqual(["started", "exit", "destroyed"]);
    expect(output).toMatchObject([{ stream: "stdout", seq: 1, bytes: Buffer.from("1\n") }]);
    expect(messages[0]).toMatchObject({ launch: "warm", sandbox: "" });
    expect(messages[1]).toMatchObject({
      reason: "exited",
      exitCode: 0,
      output: { stdout: { bytes: 2, sent: 2, truncated: false } },
    });
    expect(run.ended).toBe(true);
    // A client takes them as they are, without a closer look.
    expect(messages.slice(0, 2).map(isUsualAnswer)).toEqual([true, true]);
  });
});
