import { type Logger, pino } from "pino";
import { prettyFactory } from "pino-pretty";
import type { LineOutput } from "./line-output.js";
import { printableJson, twicePrintableJson } from "./printable.js";

export type Log = Logger;

/**
 * One JSON object a line; on a terminal the same lines are made readable. No thread of its own, which could lose the last
 * lines. What a client, a program or the engine said cannot move the cursor of a terminal.
 */
export function createLog(level: string, output: LineOutput): Log {
  const show = output.isTerminal
    ? prettyFactory({ colorize: true, ignore: "pid,hostname", translateTime: "SYS:HH:MM:ss.l", singleLine: true })
    : undefined;
  const log = pino(
    { level },
    {
      write: (line) => {
        output.write(show === undefined ? printableJson(line) : show(twicePrintableJson(line)));
      },
    },
  );
  output.tellGaps((dropped) => {
    log.warn({ dropped }, "lines of the log are missing here: they could not be written");
  });
  return log;
}

/** Of somebody who tells in another way what there is to tell. */
export function silentLog(): Log {
  return pino({ level: "silent" });
}
