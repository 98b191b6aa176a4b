import { isUtf8 } from "node:buffer";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { parentPort } from "node:worker_threads";
import { decodeClientMessage, makeError, refuseUnread } from "../protocol/codec.js";
import type { ClientMessage, Encoding, ReceivedFile, RunMessage, Text } from "../protocol/messages.js";
import { base64Problem } from "../base64.js";
import { bytesOf } from "../text-bytes.js";
import type { MessageAnswer, MessageTask } from "./message-task.js";

// The thread that `LargeMessages` starts: reads messages that would keep every other client waiting.

/** From here on what a message took is given back before the next: V8 lets 64 MB of buffers pile up before it collects. */
const COLLECT_FROM_BYTES = 1024 * 1024;
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

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
    case "stdin": {
      const { id, data, encoding } = message;
      return (
        refusalOf(data, { encoding, place: "data", id }) ?? {
          ok: true,
          message: { ...message, data: ownBytes(data, encoding) },
        }
      );
    }
    case "stdin_end":
    case "cancel":
      return { ok: true, message };
  }
}

function runWithBytes(run: RunMessage): MessageAnswer {
  const { id, stdin, stdinEncoding } = run;
  const files: ReceivedFile[] = [];
  for (const [index, file] of run.files.entries()) {
    const { content, encoding } = file;
    const refusal = refusalOf(content, { encoding, place: `files.${index}.content`, id, isRun: true });
    if (refusal !== undefined) return refusal;
    files.push({ ...file, content: ownBytes(content, encoding) });
  }
  const code = ownBytes(run.code);
  if (stdin === undefined || stdin === true) return { ok: true, message: { ...run, code, files } };
  return (
    refusalOf(stdin, { encoding: stdinEncoding, place: "stdin", id, isRun: true }) ?? {
      ok: true,
      message: { ...run, code, files, stdin: ownBytes(stdin, stdinEncoding) },
    }
  );
}

/** What is said of a text that is to be base64 and is not. */
function refusalOf(
  text: Text,
  about: { encoding: Encoding | undefined; place: string; id: string; isRun?: boolean },
): MessageAnswer | undefined {
  const { encoding, place, id, isRun = false } = about;
  const problem = encoding === "base64" && typeof text === "string" ? base64Problem(text) : undefined;
  if (problem === undefined) return undefined;
  return { ok: false, error: makeError("bad_message", `${place}: is not base64: ${problem}`, { id }), isRun };
}

/** Bytes in memory of their own, which can be given away. */
function ownBytes(text: Text, encoding?: Encoding): Uint8Array {
  const bytes = bytesOf(text, encoding);
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
  const bytes = task.blocks.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const answer = read(task);
  parentPort?.postMessage(answer, memoryOf(answer));
  if (bytes >= COLLECT_FROM_BYTES) collect();
});
