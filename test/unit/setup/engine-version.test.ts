import { expect, it } from "vitest";
import { isOlder } from "../../../src/setup/engine-version.js";

it.each([
  ["20.10.9", [20, 10, 10], true],
  ["20.10.10", [20, 10, 10], false],
  ["20.10", [20, 10, 10], true],
  ["29.0.0-rc1", [20, 10, 10], false],
  ["1.9", [1, 41], true],
  ["1.41", [1, 41], false],
  ["1.100", [1, 41], false],
  ["dev", [20, 10, 10], false],
] as const)("%s is older than %j: %s", (version, than, expected) => {
  expect(isOlder(version, than)).toBe(expected);
});
