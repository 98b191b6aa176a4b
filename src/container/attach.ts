import { request } from "node:http";
import type { Duplex } from "node:stream";
import { deferred } from "../deferred.js";
import { abortReason } from "../errors.js";
import type { EngineAddress } from "./engine-address.js";
import { EngineRefusedError } from "./errors.js";

/**
 * Attaches to a created container's stdin, stdout and stderr.
 *
 * Our own request and not dockerode's: that one sends its options as the request's body, which can arrive in the
 * container's stdin ahead of ours (dockerode #742, #777). Here everything is in the query.
 * @param signal ends the handshake; after it the socket is the caller's to destroy
 * @returns the raw stream, with an error listener already on it; half-closing it closes the container's stdin
 */
export async function attach(address: EngineAddress, containerId: string, signal: AbortSignal): Promise<Duplex> {
  const { promise, resolve, reject } = deferred<Duplex>();
  const call = request({
    ...(address.kind === "socket" ? { socketPath: address.socketPath } : { host: address.host, port: address.port }),
    method: "POST",
    path: `/containers/${containerId}/attach?stream=1&stdin=1&stdout=1&stderr=1`,
    headers: { Connection: "Upgrade", Upgrade: "tcp", "Content-Length": "0" },
    // One connection for each attach: a shared agent would hold short calls back behind streams that live for minutes.
    agent: false,
  });
  const abort = (): void => void call.destroy(abortReason(signal));
  signal.addEventListener("abort", abort, { once: true });
  call.once("error", reject);
  call.once("response", (response) => {
    response.resume();
    reject(new EngineRefusedError(`The engine refused to attach: HTTP ${response.statusCode ?? 0}`));
  });
  call.once("upgrade", (_response, socket, head) => {
    // Without a listener in this tick a reset would end the process; what went wrong shows as the stream's close.
    socket.on("error", () => socket.destroy());
    if (head.length > 0) socket.unshift(head);
    resolve(socket);
  });
  call.end();
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
