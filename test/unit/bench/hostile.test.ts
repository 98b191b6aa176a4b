import { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { frameOf, LARGE_MESSAGES } from "../../../bench/lib/hostile/client.js";
import { metricsOf } from "../../../bench/lib/hostile/figures.js";

describe("a hostile client's frames", () => {
  it.each([0, 125, 126, 70_000])("are read by ws as the text of %i bytes that they hold", async (length) => {
    const text = "é".repeat(length / 2) + "x".repeat(length % 2);
    expect(await readByWs(frameOf(Buffer.from(text)))).toBe(text);
  });

  it.each(LARGE_MESSAGES)("of $name are whole messages below the limit that is default", async ({ frames }) => {
    for (const frame of frames()) {
      const message = await readByWs(frame);
      expect(message.length).toBeGreaterThan(6_000_000);
      expect(message.length).toBeLessThanOrEqual(8_388_608);
      expect(message.startsWith('{"type":"run","id":"x","lane":"python",') && message.endsWith("}")).toBe(true);
    }
  });
});

it("figures of several rounds become one metric each, in its unit", () => {
  const metrics = metricsOf([
    { wait: [1, 2], refused: [0] },
    { wait: [3], "memory growth": [7] },
  ]);
  expect(metrics).toMatchObject({
    wait: { unit: "ms", samples: [1, 2, 3] },
    refused: { unit: "count", samples: [0] },
    "memory growth": { unit: "MiB", samples: [7] },
  });
});

/** The first message of a connection to a server of the ws library, of which this frame is all that comes. */
async function readByWs(frame: Buffer): Promise<string> {
  const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const request = {
    method: "GET",
    headers: {
      upgrade: "websocket",
      connection: "Upgrade",
      "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
      "sec-websocket-version": "13",
    },
  };
  return new Promise((resolve, reject) => {
    new WebSocketServer({ noServer: true }).handleUpgrade(request as never, socket, Buffer.alloc(0), (ws) => {
      ws.on("message", (data: Buffer) => {
        resolve(data.toString("utf8"));
        ws.terminate();
      });
      ws.on("error", reject);
      socket.push(frame);
    });
  });
}
