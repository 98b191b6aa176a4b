import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readSeccompProfile } from "../../../src/container/seccomp-profile.js";
import { ConfigError, messageOf } from "../../../src/errors.js";
import { packageRoot } from "../../../src/package-root.js";

const KEY = "lanes.python.seccomp";
const OWN = join(packageRoot(), "sandbox", "seccomp.json");
/** Everything that a profile may have, as the engines' own profiles use it. */
const FULL = {
  defaultAction: "SCMP_ACT_ERRNO",
  defaultErrnoRet: 1,
  archMap: [{ architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"] }],
  syscalls: [
    { names: ["read", "_llseek"], action: "SCMP_ACT_ALLOW" },
    { names: ["process_vm_readv"], action: "SCMP_ACT_ALLOW", includes: { minKernel: "4.8" } },
    {
      names: ["socket"],
      action: "SCMP_ACT_ALLOW",
      args: [{ index: 0, value: 38, op: "SCMP_CMP_LT" }],
      comment: "",
      includes: {},
      excludes: { caps: ["CAP_SYS_ADMIN"], arches: ["s390"] },
    },
    { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38, args: null },
  ],
};

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "matchbox-profile-"));
  path = join(folder, "profile.json");
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function read(profile: unknown): Promise<string> {
  await writeFile(path, typeof profile === "string" ? profile : JSON.stringify(profile));
  return readSeccompProfile(path, KEY);
}

async function refusal(profile: unknown): Promise<string> {
  const error: unknown = await read(profile).catch((failure: unknown) => failure);
  expect(error).toBeInstanceOf(ConfigError);
  return messageOf(error).replaceAll(path, "FILE");
}

const withRule = (rule: Record<string, unknown>) => ({
  defaultAction: "SCMP_ACT_ERRNO",
  syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW", ...rule }],
});
const withArgument = (argument: Record<string, unknown>) =>
  withRule({ args: [{ index: 0, value: 1, op: "SCMP_CMP_EQ", ...argument }] });

describe("a seccomp profile", () => {
  it("is our own where none is named, word for word and without what is only for readers' eyes", async () => {
    const text = await readFile(OWN, "utf8");
    const profile = await readSeccompProfile(OWN, KEY);
    expect(JSON.parse(profile)).toEqual(JSON.parse(text));
    expect(profile.length).toBeLessThan(text.length);
  });

  it("may have whatever an engine's own profile has", async () => {
    expect(JSON.parse(await read(FULL))).toEqual(FULL);
  });

  it("that is not there is refused, with key and file", async () => {
    const absent = join(folder, "absent.json");
    await expect(readSeccompProfile(absent, KEY)).rejects.toThrow(
      `${KEY}: the seccomp profile ${absent} cannot be read: ENOENT`,
    );
  });

  it.each<[string, unknown, RegExp]>([
    ["an empty file", "", /is not JSON/],
    ["no JSON", "{", /is not JSON/],
    ["the word that would switch it off", '"unconfined"', /expected object/],
    ["an empty object, which engines take for no filter at all", {}, /defaultAction: must be one that denies/],
    [
      "a list of what is forbidden",
      { defaultAction: "SCMP_ACT_ALLOW", syscalls: [] },
      /defaultAction: must be one that denies/,
    ],
    [
      "logging in the place of denying",
      { defaultAction: "SCMP_ACT_LOG", syscalls: [] },
      /defaultAction: must be one that denies/,
    ],
    ["no rules", { defaultAction: "SCMP_ACT_ERRNO" }, /syscalls: .*expected array/],
    ["a rule for nothing", withRule({ names: [] }), /syscalls: 0: names: /],
    ["an unknown action", withRule({ action: "allow" }), /syscalls: 0: action: must be one of/],
    ["a misspelt condition, which would allow the call whatever its arguments", withRule({ arg: [] }), /"arg"/],
    ["a comparison that does not exist", withArgument({ op: "EQ" }), /syscalls: 0: args: 0: op: must be one of/],
    ["an argument that no call has", withArgument({ index: 6 }), /syscalls: 0: args: 0: index/],
    [
      "a number that JSON has rounded",
      '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":18446744073709551615,"op":"SCMP_CMP_EQ"}]}]}',
      /syscalls: 0: args: 0: value/,
    ],
    ["a helper that decides in its place", { ...FULL, listenerPath: "/run/x" }, /"listenerPath"/],
  ])("is refused with key and file: %s", async (_what, profile, words) => {
    const message = await refusal(profile);
    expect(message.startsWith(`${KEY}: the seccomp profile FILE`)).toBe(true);
    expect(message).toMatch(words);
  });

  it("has a line for each mistake", async () => {
    expect((await refusal({ defaultAction: "x", syscalls: 1 })).split("\n")).toHaveLength(2);
  });
});
