import { type Logger, pino } from "pino";
import { PinoPretty } from "pino-pretty";

export type Log = Logger;

/**
 * One JSON object a line on stdout, written synchronously: no transport thread that could lose the last lines. On a
 * terminal the same lines are made readable.
 */
export function createLog(level: string, options: { pretty: boolean }): Log {
  return options.pretty
    ? pino(
        { level },
        PinoPretty({
          colorize: true,
          ignore: "pid,hostname",
          translateTime: "SYS:HH:MM:ss.l",
          singleLine: true,
          sync: true,
        }),
      )
    : pino({ level });
}
