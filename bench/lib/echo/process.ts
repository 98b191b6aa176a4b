// A WebSocket server that gives back every text it gets, and does nothing else. It ends with its only connection, or with
// whoever started it.
import { once } from "node:events";
import { WebSocketServer } from "ws";
import type { FromEcho } from "./echo.js";

process.on("disconnect", () => process.exit());

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
server.on("connection", (socket) => {
  socket.on("message", (data, isBinary) => {
    socket.send(data, { binary: isBinary });
  });
  socket.on("close", () => process.exit());
});
await once(server, "listening");
const address = server.address();
if (address === null || typeof address === "string") throw new Error("the system gave no port");
process.send?.({ port: address.port } satisfies FromEcho);
