import type { SoakKind, SoakLane } from "./plan.js";

const MEGABYTE = 1_000_000;
/** Far longer than any of these runs may last. */
const FOREVER_S = 60;
const FILE = "out.txt";

/** What the programs do; each has a word of its own as its first argument, so that no run can get another's output. */
export const PROGRAMS: Readonly<Record<SoakLane, Readonly<Record<SoakKind, string>>>> = {
  python: {
    print: "import sys; print(sys.argv[1])",
    megabyte: `import sys; sys.stdout.write((sys.argv[1] * ${MEGABYTE})[:${MEGABYTE}])`,
    "exit code": "import sys; print(sys.argv[1]); sys.exit(3)",
    exception: "import sys; raise ValueError(sys.argv[1])",
    "time-out": `import time; time.sleep(${FOREVER_S})`,
    cancel: `import sys, time; print(sys.argv[1]); time.sleep(${FOREVER_S})`,
    disconnect: `import sys, time; print(sys.argv[1]); time.sleep(${FOREVER_S})`,
    stdin: "import sys\nfor line in sys.stdin: print(line, end='')",
    file: `import sys; open("${FILE}", "w").write(sys.argv[1])`,
  },
  shell: {
    print: 'echo "$1"',
    megabyte: `yes "$1" | tr -d '\\n' | head -c ${MEGABYTE}`,
    "exit code": 'echo "$1"; exit 3',
    exception: '"no-such-command-$1"',
    "time-out": `sleep ${FOREVER_S}`,
    cancel: `echo "$1"; sleep ${FOREVER_S}`,
    disconnect: `echo "$1"; sleep ${FOREVER_S}`,
    stdin: "cat",
    file: `printf %s "$1" > ${FILE}`,
  },
};

/** What has to come of a run besides its reason. */
export interface Expected {
  /** Null where the program does not end by itself. */
  readonly exitCode: number | null;
  readonly stdout: string;
  /** What its stderr has to have somewhere in it; undefined where it has to be empty. */
  readonly stderr: RegExp | undefined;
  /** Content of the one collected file; undefined for none. */
  readonly file: string | undefined;
}

/** Patterns of files to be collected. */
export function collectOf(kind: SoakKind): string[] {
  return kind === "file" ? [FILE] : [];
}

/** What is written to a run that echoes its input. */
export function inputOf(word: string): string {
  return `${word}\n`.repeat(3);
}

/** @param word the program's first argument, of letters, digits and dashes */
export function expectedOf(lane: SoakLane, kind: SoakKind, word: string): Expected {
  const plain: Expected = { exitCode: 0, stdout: "", stderr: undefined, file: undefined };
  switch (kind) {
    case "print":
      return { ...plain, stdout: `${word}\n` };
    case "megabyte":
      return { ...plain, stdout: word.repeat(Math.ceil(MEGABYTE / word.length)).slice(0, MEGABYTE) };
    case "exit code":
      return { ...plain, exitCode: 3, stdout: `${word}\n` };
    case "exception":
      return lane === "python"
        ? { ...plain, exitCode: 1, stderr: new RegExp(`ValueError: ${word}\n$`) }
        : { ...plain, exitCode: 127, stderr: new RegExp(`no-such-command-${word}: command not found\n$`) };
    case "time-out":
      return { ...plain, exitCode: null };
    case "cancel":
    case "disconnect":
      return { ...plain, exitCode: null, stdout: `${word}\n` };
    case "stdin":
      return { ...plain, stdout: inputOf(word) };
    case "file":
      return { ...plain, file: word };
    default:
      throw new Error(`unexpected kind: ${JSON.stringify(kind satisfies never)}`);
  }
}
