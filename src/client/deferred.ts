import type { MatchboxError } from "./errors.js";

/** A promise with its two ends in hand. */
interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: MatchboxError): void;
}

/** Safe to leave unobserved: who needs to hear of a failure hears of it elsewhere as well, and it must not end the process. */
export function deferred<T>(): Deferred<T> {
  let settle: Omit<Deferred<T>, "promise"> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  promise.catch(() => undefined);
  if (settle === undefined) throw new Error("a promise did not run its executor");
  return { promise, ...settle };
}
