import { isUtf8 } from "node:buffer";
import { parentPort } from "node:worker_threads";
import { decodeClientMessage, makeError, refuseUnread } from "../protocol/codec.js";
import type { ClientMessage, ReceivedFile, RunMessage, Text } from "../protocol/messages.js";
import { base64Bytes, bytesOf } from "../text-bytes.js";
import type { MessageAnswer, MessageTask } from "./message-task.js";

// The thread that `LargeMessages` starts: reads messages that would keep every other client waiting.

function read({ blocks }: MessageTask): MessageAnswer {
  const bytes = Buffer.concat(blocks);
  if (!isUtf8(bytes)) return { ok: false, notUtf8: true };
  const decoded = refuseUnread(bytes) ?? decodeClientMessage(bytes.toString("utf8"));
  return decoded.ok ? withBytes(decoded.message) : decoded;
}

/** Texts become bytes here: these go to the other thread without being copied, and a sandbox takes bytes anyway. */
function withBytes(message: ClientMessage): MessageAnswer {
  switch (message.type) {
    case "run":
      return runWithBytes(message);
    case "stdin":
      return { ok: true, message: { ...message, data: ownBytes(message.data) } };
    case "stdin_end":
    case "cancel":
      return { ok: true, message };
  }
}

function runWithBytes(run: RunMessage): MessageAnswer {
  const files: ReceivedFile[] = [];
  for (const [index, file] of run.files.entries()) {
    const { content: text } = file;
    const content = file.encoding === "base64" && typeof text === "string" ? base64Bytes(text) : bytesOf(text);
    if (content === undefined) {
      const error = makeError("bad_message", `files.${index}.content: is not base64`, { id: run.id });
      return { ok: false, error, isRun: true };
    }
    files.push({ ...file, content: ownBytes(content) });
  }
  const stdin = run.stdin === undefined || run.stdin === true ? {} : { stdin: ownBytes(run.stdin) };
  return { ok: true, message: { ...run, code: ownBytes(run.code), ...stdin, files } };
}

/** Bytes in memory of their own, which can be given away. */
function ownBytes(text: Text): Uint8Array {
  const bytes = bytesOf(text);
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}

function memoryOf(answer: MessageAnswer): ArrayBuffer[] {
  if (!answer.ok) return [];
  const { message } = answer;
  const texts =
    message.type === "run"
      ? [message.code, message.stdin, ...message.files.map(({ content }) => content)]
      : message.type === "stdin"
        ? [message.data]
        : [];
  return texts.flatMap((text) =>
    text instanceof Uint8Array && text.buffer instanceof ArrayBuffer ? [text.buffer] : [],
  );
}

parentPort?.on("message", (task: MessageTask) => {
  const answer = read(task);
  parentPort?.postMessage(answer, memoryOf(answer));
});
