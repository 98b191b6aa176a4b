import { expect, it } from "vitest";
import { markdownOf } from "../../../bench/lib/markdown.js";
import { resultOf, subject } from "./support.js";

const alike = (value: number, count: number): number[] => Array<number>(count).fill(value);

it("a result is a table of its figures, a list of its ratios and a line about the machine", () => {
  const result = resultOf([
    subject("matchbox", { exit: alike(0.5, 100) }),
    subject("a | b", { exit: alike(1.25, 10) }),
  ]);
  expect(markdownOf(result)).toBe(`**warm-hit**: a run & what one would do instead

| what | figure | p50 | p90 | p99 | N |
|---|---|--:|--:|--:|--:|
| matchbox | exit | 0.50 ms | 0.50 ms | 0.50 ms | 100 |
| a \\| b | exit | 1.25 ms | 1.25 ms | - | 10 |

- exit: matchbox is 2.5 times faster than a \\| b (median)

A processor, 2 cores, 4 GiB, Linux 6, engine 20.10, Node 20.19.0, load 0.1; Matchbox 1.2.3, 2030-01-02`);
});

it("ladders and strips are tables too", () => {
  const result = resultOf([], {
    ladder: {
      title: "bursts",
      asked: "rate",
      askedUnit: "runs/s",
      units: { hits: "%", p99: "ms" },
      steps: [{ asked: 2, figures: { hits: 99.5 } }],
    },
    strip: {
      title: "cold",
      rows: [
        {
          name: "one",
          stages: [
            { name: "create", ms: 4 },
            { name: "start", ms: 6 },
          ],
        },
      ],
    },
  });
  const text = markdownOf(result);
  expect(text).toContain("| rate (runs/s) | hits (%) | p99 (ms) |\n|--:|--:|--:|\n| 2 | 99.50 | - |");
  expect(text).toContain("| one | create | 4 |\n| one | start | 6 |\n| one | all | 10 |");
});
