import { z } from "zod";
import { describeIssues } from "../protocol/codec.js";
import { type ServerMessage, serverMessage } from "../protocol/messages.js";
import { isUsualAnswer } from "../protocol/usual-messages.js";

/** One frame of the daemon, read with the tolerance that lets a newer daemon say more than this client knows. */
export type Incoming =
  | { readonly kind: "message"; readonly message: ServerMessage }
  /** A type that a newer daemon added: dropped, but it counts in its run's sequence. */
  | { readonly kind: "unknown"; readonly id: string | undefined; readonly seq: number | undefined }
  | { readonly kind: "broken"; readonly id: string | undefined; readonly problem: string };

const envelope = z.object({ type: z.string(), id: z.string().optional(), seq: z.int().optional() });

export function readIncoming(text: string): Incoming {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: "broken", id: undefined, problem: "a frame is not JSON" };
  }
  if (isUsualAnswer(value)) return { kind: "message", message: value };
  const parsed = serverMessage.safeParse(value);
  if (parsed.success) return { kind: "message", message: parsed.data };
  const outer = envelope.safeParse(value);
  if (!outer.success) return { kind: "broken", id: undefined, problem: describeIssues(outer.error, value) };
  const { type, id, seq } = outer.data;
  const isNewType = parsed.error.issues.some((issue) => issue.path.length === 1 && issue.path[0] === "type");
  return isNewType
    ? { kind: "unknown", id, seq }
    : { kind: "broken", id, problem: `${type}: ${describeIssues(parsed.error, value)}` };
}
