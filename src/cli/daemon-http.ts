import { type ClientRequest, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { type Address, showAddress } from "../client/address.js";
import { RemoteError } from "../client/errors.js";
import { messageOf } from "../errors.js";
import { type LanesReport, lanesReport } from "../protocol/lanes.js";
import { errorMessage } from "../protocol/messages.js";
import { CliError } from "./cli-error.js";
import { describeFailure, noDaemon } from "./failure.js";

const DEADLINE_MS = 5_000;
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

interface AskOptions {
  readonly token?: string | undefined;
  readonly signal?: AbortSignal;
}

/**
 * Asks the daemon for its report on its lanes.
 * @throws CliError that says who did not answer, or what the daemon answered instead; the signal's reason
 */
export async function getLanes(address: Address, options: AskOptions): Promise<LanesReport> {
  const parsed = lanesReport.safeParse(await getJson(address, "/v1/lanes", options));
  if (!parsed.success)
    throw new CliError("The daemon's report has another form than this command knows: are they of different versions?");
  return parsed.data;
}

/**
 * Asks the daemon for the arrivals that it keeps.
 * @returns the text of a trace
 * @throws CliError as `getLanes` does
 */
export async function getTrace(address: Address, options: AskOptions): Promise<string> {
  const { status, body } = await ask(address, "/v1/trace", options);
  return status === 200 ? body : refused(address, "/v1/trace", { status, body });
}

async function getJson(address: Address, path: string, options: AskOptions): Promise<unknown> {
  const { status, body } = await ask(address, path, options);
  const value = parseJson(body);
  return status === 200 && value !== undefined ? value : refused(address, path, { status, body });
}

type Reply = { readonly status: number; readonly body: string };

async function ask(address: Address, path: string, { token, signal }: AskOptions): Promise<Reply> {
  const where = showAddress(address);
  try {
    return await get(address, path, {
      headers: { accept: "application/json", ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      signal: AbortSignal.any([AbortSignal.timeout(DEADLINE_MS), ...(signal === undefined ? [] : [signal])]),
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw new CliError(noDaemon(`Cannot reach ${where}: ${reasonOf(error)}.`), { cause: error });
  }
}

function refused(address: Address, path: string, { status, body }: Reply): never {
  const refusal = errorMessage.safeParse(parseJson(body));
  if (!refusal.success)
    throw new CliError(
      `${showAddress(address)}${path} answered ${status}, which Matchbox does not: is it another server?`,
    );
  throw new CliError(describeFailure(new RemoteError(refusal.data)));
}

type GetOptions = { readonly headers: Record<string, string>; readonly signal: AbortSignal };

function get(address: Address, path: string, options: GetOptions): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    open(address, path, options)
      .on("error", reject)
      .on("response", (response: IncomingMessage) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("error", reject);
        response.on("data", (chunk: string) => {
          body += chunk;
          if (body.length > MAX_ANSWER_BYTES) response.destroy(new Error("the answer is too long"));
        });
        response.on("end", () => {
          resolve({ status: response.statusCode ?? 0, body });
        });
      })
      .end();
  });
}

function open(address: Address, path: string, options: GetOptions): ClientRequest {
  if (address.kind === "unix") return requestHttp({ socketPath: address.socketPath, path, ...options });
  const url = `${showAddress(address)}${path}`;
  return address.secure ? requestHttps(url, options) : requestHttp(url, options);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Told by the status.
  }
}

/** What went wrong; a name with several addresses fails with an error without words, and the real ones inside. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return reasonOf(error.errors[0]);
  if (error instanceof Error && error.name === "TimeoutError") return `no answer within ${DEADLINE_MS / 1000} s`;
  return messageOf(error);
}
