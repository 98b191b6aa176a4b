import { DeadlineError } from "../deadline.js";
import { DaemonError, DescriptorsError, messageOf, wantsDescriptors } from "../errors.js";
import { EngineDownError, EngineRefusedError, ImageMissingError } from "./errors.js";

/** HTTP status of an answer that dockerode turned into an error; undefined when there was no answer. */
export function engineStatus(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("statusCode" in error)) return undefined;
  return typeof error.statusCode === "number" ? error.statusCode : undefined;
}

/** The engine's own words, without dockerode's frame around them. */
function engineWords(error: unknown): string {
  if (typeof error === "object" && error !== null && "json" in error) {
    const { json } = error;
    if (typeof json === "object" && json !== null && "message" in json && typeof json.message === "string")
      return json.message;
  }
  return messageOf(error);
}

/** Any failure of a call to the engine, as one of our own errors. */
export function engineError(error: unknown, call: { what: string; engine: string; image?: string }): DaemonError {
  if (error instanceof DaemonError) return error;
  if (wantsDescriptors(error)) return new DescriptorsError(call.what, { cause: error });
  const status = engineStatus(error);
  if (status === undefined) {
    const words = error instanceof DeadlineError ? `it was ${error.message}` : messageOf(error);
    return new EngineDownError(`The container engine at ${call.engine} cannot ${call.what}: ${words}`, {
      cause: error,
    });
  }
  if (status === 404 && call.image !== undefined && /no such image/i.test(engineWords(error))) {
    return new ImageMissingError(call.image, { cause: error });
  }
  return new EngineRefusedError(`The container engine refused to ${call.what}: ${engineWords(error)}`, {
    cause: error,
  });
}
