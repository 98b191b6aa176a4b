import { describe, expect, it } from "vitest";
import { expectedOf } from "../../../bench/lib/soak/programs.js";
import { differenceOf } from "../../../bench/lib/soak/run.js";
import { metricOf } from "../../../bench/lib/soak/watch.js";

const PRINTED = { reason: "exited", exitCode: 0, stdout: "w\n", stderr: "", files: [] };

describe("differenceOf", () => {
  const expected = expectedOf("python", "print", "w");

  it("has nothing to say of a run that is as expected", () => {
    expect(differenceOf(PRINTED, "exited", expected)).toBeUndefined();
  });

  it("tells another reason, exit code, output, complaint and file", () => {
    const differ = (change: Partial<typeof PRINTED> | { files: string[] }): string | undefined =>
      differenceOf({ ...PRINTED, ...change }, "exited", expected);
    expect(differ({ reason: "lost" })).toContain("ended with lost 0 instead of exited 0");
    expect(differ({ exitCode: 1 })).toContain("ended with exited 1");
    expect(differ({ stdout: "v\n" })).toContain('printed "v\\n" instead of "w\\n"');
    expect(differ({ stderr: "warning" })).toContain('stderr was "warning"');
    expect(differ({ files: ["w"] })).toContain("brought the files");
  });

  it("misses an exception's message and a file's content", () => {
    const silent = { ...PRINTED, exitCode: 1, stdout: "" };
    expect(differenceOf(silent, "exited", expectedOf("python", "exception", "w"))).toContain("stderr was");
    const empty = { ...PRINTED, stdout: "" };
    expect(differenceOf(empty, "exited", expectedOf("shell", "file", "w"))).toContain('instead of ["w"]');
  });
});

describe("expectedOf", () => {
  it("wants exactly a million bytes of the run's own word", () => {
    const { stdout } = expectedOf("shell", "megabyte", "run-17");
    expect(stdout).toHaveLength(1_000_000);
    expect(stdout.startsWith("run-17run-17")).toBe(true);
  });
});

describe("metricOf", () => {
  const text = '# TYPE a gauge\na 1.5e+6\na_total 7\nb{lane="x"} 2\n';

  it("reads the metric of exactly this name", () => {
    expect(metricOf(text, "a")).toBe(1_500_000);
    expect(metricOf(text, "a_total")).toBe(7);
  });

  it("has none where there is none without labels", () => {
    expect(metricOf(text, "b")).toBeUndefined();
  });
});
