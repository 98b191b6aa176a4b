import { InvalidArgumentError, Option } from "commander";
import { type Address, DEFAULT_URL, parseAddress } from "../client/address.js";
import { parseDuration } from "./duration.js";

/** Turns the TypeErrors of a parser into commander's way of refusing an argument. */
export function argument<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      if (error instanceof TypeError) throw new InvalidArgumentError(error.message);
      throw error;
    }
  };
}

/** The same for an option that may be given many times; undefined when it is not given at all. */
export function repeated<T>(parse: (text: string) => T): (text: string, earlier: T[] | undefined) => T[] {
  const parseOne = argument(parse);
  return (text, earlier = []) => [...earlier, parseOne(text)];
}

export const duration = argument(parseDuration);
/** The same, or 0 for none. */
export const grace = argument((text) => (text === "0" ? 0 : parseDuration(text)));

export interface DaemonOptions {
  readonly url: Address;
  readonly token?: string;
}

export function urlOption(): Option {
  return new Option("--url <address>", "where the daemon listens: http://host:port or unix:/path/to/socket")
    .env("MATCHBOX_URL")
    .default(parseAddress(DEFAULT_URL), DEFAULT_URL)
    .argParser(argument(parseAddress));
}

/** The value never shows in the help text, unlike that of other variables. */
export function tokenOption(): Option {
  return new Option(
    "--token <token>",
    "token of a daemon that asks for one; better given as MATCHBOX_TOKEN, which no process list shows",
  ).env("MATCHBOX_TOKEN");
}

/** Of commands that read the configuration as the daemon does. */
export function configOption(): Option {
  return new Option("-c, --config <file>", "the configuration, a YAML file");
}

/** @param whose the configuration of what, where that is not plain */
export function settingOption(whose = ""): Option {
  return new Option("--set <key=value>", `override one key of the configuration${whose}; may be repeated`).argParser(
    repeated(parseSetting),
  );
}

/** Reads `KEY=VALUE`. */
export function parseVariable(text: string): readonly [name: string, value: string] {
  const split = text.indexOf("=");
  if (split < 1) throw new TypeError(`"${text}" must look like NAME=value`);
  return [text.slice(0, split), text.slice(split + 1)];
}

/** Checks the form of `lanes.python.warm=8`; what the keys mean is for the configuration to say. */
export function parseSetting(text: string): string {
  if (!/^[A-Za-z][\w-]*(?:\.[\w-]+)*=/.test(text)) throw new TypeError(`"${text}" must look like lanes.python.warm=8`);
  return text;
}
