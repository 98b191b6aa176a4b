import { Command } from "commander";
import { renderChecks } from "./check-list.js";
import { CliError } from "./cli-error.js";
import { catchInterrupts } from "./interrupts.js";
import { configOption, settingOption } from "./options.js";
import { startSpinner } from "./spinner.js";
import { printableJson, style } from "./terminal.js";

/** Something that sandboxes stand on is not there. */
const EXIT_UNWELL = 1;

const EXAMPLES = `
Examples:
  $ matchbox doctor
  $ matchbox doctor --config /etc/matchbox.yaml
  $ matchbox doctor --deep                       start a sandbox of each lane, and read the limits inside of it
  $ matchbox doctor --json | jq '.checks[] | select(.status == "fail")'

It needs no daemon and changes nothing; what --deep makes is gone when it ends. Call it as the user that the daemon runs as,
with the same configuration. "ok" is well, "warn" works but could be better, "fail" keeps a lane closed or a limit from
holding, "skip" waits for another line. The exit code is 1 if something fails, else 0.`;

interface DoctorOptions {
  readonly config?: string;
  readonly set?: string[];
  readonly deep?: true;
  readonly json?: true;
}

export function doctorCommand(): Command {
  return new Command()
    .summary("check what sandboxes stand on, and say how to mend it")
    .description(
      "Check what sandboxes stand on: configuration, engine, images, limits, isolation, network, memory. Each line says what to do.",
    )
    .addOption(configOption())
    .addOption(settingOption())
    .option("--deep", "start a sandbox of each lane as well, and say how long each step took")
    .option("--json", "print the checks as JSON")
    .addHelpText("after", EXAMPLES)
    .action(doctor);
}

async function doctor({ config, set = [], deep, json }: DoctorOptions): Promise<void> {
  const { examine } = await import("../doctor/doctor.js");
  using interrupts = catchInterrupts();
  using spinner = deep === true && process.stderr.isTTY ? startSpinner("Trying") : undefined;
  try {
    const checks = await examine({
      sources: { path: config, overrides: set, env: process.env },
      isDeep: deep === true,
      signal: interrupts.signal,
      onStep: (text) => spinner?.update(text),
    });
    spinner?.[Symbol.dispose]();
    const columns = process.stdout.isTTY ? process.stdout.columns : undefined;
    const lines = json === true ? [printableJson(JSON.stringify({ checks }))] : renderChecks(checks, style, columns);
    process.stdout.write(`${lines.join("\n")}\n`);
    process.exitCode = checks.some(({ status }) => status === "fail") ? EXIT_UNWELL : 0;
  } catch (error) {
    if (interrupts.signal.aborted) throw new CliError("The look was cancelled.", { exitCode: 130, cause: error });
    throw error;
  }
}
