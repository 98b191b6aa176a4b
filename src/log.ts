import { type Logger, pino } from "pino";
import { PinoPretty } from "pino-pretty";
import { printableJson, twicePrintableJson } from "./printable.js";

export type Log = Logger;

/**
 * One JSON object a line on stdout, written synchronously: no transport thread that could lose the last lines. On a
 * terminal the same lines are made readable. What a client, a program or the engine said cannot move its cursor.
 */
export function createLog(level: string, options: { pretty: boolean }): Log {
  return options.pretty
    ? pino(
        { level, hooks: { streamWrite: twicePrintableJson } },
        PinoPretty({
          colorize: true,
          ignore: "pid,hostname",
          translateTime: "SYS:HH:MM:ss.l",
          singleLine: true,
          sync: true,
        }),
      )
    : pino({ level, hooks: { streamWrite: printableJson } });
}
