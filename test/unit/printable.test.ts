import { describe, expect, it } from "vitest";
import { pino } from "pino";
import { PinoPretty } from "pino-pretty";
import { printable, printableJson, twicePrintableJson } from "../../src/printable.js";

/** Every character that is no letter to a terminal, or cannot be seen. */
const COMMANDS = [
  ...Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).filter((one) => one !== "\n" && one !== "\t"),
  ...Array.from({ length: 33 }, (_, code) => String.fromCharCode(0x7f + code)),
  ...Array.from("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u200b\ufeff"),
  "\u{e0041}",
];
const HOSTILE = `a${COMMANDS.join("b")}\u009b2Jz`;
const isCommand = (text: string): boolean => COMMANDS.some((command) => text.includes(command));

function logged(write: (log: ReturnType<typeof pino>) => void, pretty: boolean): string {
  let text = "";
  const stream = { write: (piece: string) => void (text += piece) };
  const options = { base: null, hooks: { streamWrite: pretty ? twicePrintableJson : printableJson } };
  const destination = new (class {
    write(line: string): void {
      stream.write(pretty ? prettyOf(line) : line);
    }
  })();
  write(pino(options, destination));
  return text;
}

function prettyOf(line: string): string {
  return PinoPretty.prettyFactory({ colorize: false, singleLine: true })(line);
}

describe("text from elsewhere", () => {
  it("holds nothing that a terminal obeys", () => {
    expect(isCommand(printable(HOSTILE))).toBe(false);
    expect(printable("a\u009bb\nü字😀")).toBe("a\\u{9b}b\nü字😀");
  });

  it("means the same in a line of JSON, and holds nothing that a terminal obeys", () => {
    const line = `${JSON.stringify({ path: HOSTILE, [HOSTILE]: 1, plain: "ü字😀\\u009b\\n" })}\n`;
    expect(isCommand(printableJson(line))).toBe(false);
    expect(JSON.parse(printableJson(line))).toEqual(JSON.parse(line));
    expect(printableJson(line).endsWith("}\n")).toBe(true);
  });

  it.each([false, true])("cannot move the cursor from a line of the log (made readable: %s)", (pretty) => {
    const error = new Error(HOSTILE);
    error.stack = `Error: ${HOSTILE}\n    at x`;
    const text = logged((log) => {
      log.warn({ path: HOSTILE, reason: HOSTILE, nested: { [HOSTILE]: [HOSTILE] } }, HOSTILE);
      log.error({ err: error }, "failed");
    }, pretty);
    expect(text).toContain("failed");
    expect(text).toContain("9b2Jz");
    expect(isCommand(text)).toBe(false);
  });

  it("stays readable in the log otherwise", () => {
    const text = logged((log) => {
      log.warn({ path: 'C:\\u001b\\new "x"' }, "ü\tok");
    }, true);
    expect(text).toContain("ü\tok");
    expect(text).toMatch(/C:\\+u001b\\+new /);
  });
});
