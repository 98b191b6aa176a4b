import { describe, expect, it } from "vitest";
import { chooseTests, tallyRunner, tallyVitest } from "../../../src/setup/run-tests.js";

const file = (status: string, ...tests: string[]) => ({
  name: "a.test.ts",
  status,
  assertionResults: tests.map((test) => ({ status: test })),
});
const report = (...files: ReturnType<typeof file>[]) => JSON.stringify({ testResults: files });

describe("chooseTests", () => {
  it.each([
    [
      "everything but the long suites without arguments",
      [],
      ["--project=unit", "--project=contract", "--project=integration", "--project=fault"],
      true,
    ],
    ["everything with --all", ["--all"], [], true],
    ["what Vitest makes of any other arguments", ["test/unit", "-t", "x"], ["test/unit", "-t", "x"], false],
  ] as const)("is %s", (_, args, vitest, runner) => {
    expect(chooseTests(args)).toEqual({ vitest, runner });
  });
});

describe("tallyVitest", () => {
  it.each([
    [
      "counts tests over files and leaves out skipped ones",
      report(file("passed", "passed", "skipped"), file("failed", "passed", "failed")),
      1,
      [2, 1],
    ],
    ["counts a file that does not load as one failure", report(file("passed", "passed"), file("failed")), 1, [1, 1]],
    ["counts a hook that failed after its tests passed", report(file("failed", "passed")), 1, [1, 1]],
    ["counts a failure that no test shows", report(file("passed", "passed")), 1, [1, 1]],
    ["counts a missing report as one failure", undefined, 1, [0, 1]],
    ["counts nothing when there is no test", report(), 0, [0, 0]],
  ] as const)("%s", (_, text, exitCode, [passed, failed]) => {
    expect(tallyVitest(text, exitCode)).toEqual({ passed, failed });
  });
});

describe("tallyRunner", () => {
  it.each([
    ["takes the last line that counts", "1 passed, 0 failed\nok\n41 passed, 0 failed\n", 0, [41, 0]],
    ["counts a crash after the line as one failure", "41 passed, 0 failed\n", 2, [41, 1]],
    ["counts a build that fails as one failure", "error: no compiler\n", 2, [0, 1]],
    ["does not trust silence", "", 0, [0, 1]],
  ] as const)("%s", (_, output, exitCode, [passed, failed]) => {
    expect(tallyRunner(output, exitCode)).toEqual({ passed, failed });
  });
});
