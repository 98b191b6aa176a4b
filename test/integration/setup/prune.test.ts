import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engineAddress } from "../../../src/container/engine-address.js";
import { ImageApi } from "../../../src/setup/docker-api.js";
import { pruneImages, pruneRules, type PruneRules } from "../../../src/setup/prune.js";
import { imageTag } from "../../../src/setup/sandbox-image.js";
import { callEngine, testImage } from "../../support/probes/engine.js";

const images = new ImageApi(engineAddress(process.env["DOCKER_HOST"] ?? null));

/** On names and a label that nobody else has: images of Matchbox itself are not touched. */
describe("pruneImages", () => {
  const mark = randomBytes(6).toString("hex");
  const name = (tag: string): string => `matchbox-prune-${mark}:${tag}`;
  const rules: PruneRules = {
    label: `matchbox.test-${mark}`,
    isOurs: (reference) => reference.startsWith(`matchbox-prune-${mark}:`),
    keep: [name("current")],
  };
  let folder: string;
  let container: string;

  /** Builds an image that no other has the content of. */
  async function build(tag: string, lines: readonly string[]): Promise<void> {
    await writeFile(path.join(folder, "word"), tag);
    await writeFile(path.join(folder, "Dockerfile"), lines.join("\n"));
    const files = ["Dockerfile", "word"];
    await images.build({ tag, target: "last", folder, files, buildArguments: {}, useCache: true });
  }
  const ours = [`FROM scratch AS last`, "COPY word /word", `LABEL ${rules.label}=last`];

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "matchbox-prune-"));
    for (const tag of ["current", "old", "used"]) await build(name(tag), ours);
    await build(name("renamed"), ours);
    await images.tag(name("renamed"), `matchbox-kept-${mark}:1`);
    await build(`matchbox-derived-${mark}:1`, [`FROM ${name("current")} AS last`, "COPY word /more"]);
    // Without a name: what a build that was forced leaves of the image before, and a stage that is a cache.
    await build(name("replaced"), ours);
    await build(name("replaced"), [...ours, `LABEL ${rules.label}=last again=yes`]);
    await build(name("staged"), [
      "FROM scratch AS first",
      "COPY word /first",
      `LABEL ${rules.label}=first`,
      "FROM scratch AS last",
      "COPY --from=first /first /word",
      `LABEL ${rules.label}=last`,
    ]);
    const created = await callEngine("POST", "/containers/create", {
      Image: name("used"),
      Cmd: ["/word"],
      Labels: { matchbox: `prune-${mark}` },
    });
    ({ Id: container } = JSON.parse(created.toString()) as { Id: string });
  });

  afterAll(async () => {
    await callEngine("DELETE", `/containers/${container}?force=1`);
    await images.remove(`matchbox-derived-${mark}:1`);
    await images.remove(`matchbox-kept-${mark}:1`);
    await pruneImages(images, { ...rules, keep: [] });
    await rm(folder, { recursive: true });
    expect(await images.list(rules.label)).toEqual([]);
  });

  it("removes what nothing needs, and leaves alone what is used, kept, named by others, or built on ours", async () => {
    const gone = await pruneImages(images, rules);
    expect(gone.filter((reference) => reference !== "").sort()).toEqual(["old", "replaced", "staged"].map(name).sort());
    expect(gone).toContain("");
    for (const tag of ["current", "used", "renamed"]) expect([tag, await images.has(name(tag))]).toEqual([tag, true]);
    expect(await images.has(`matchbox-kept-${mark}:1`)).toBe(true);
    expect(await images.has(`matchbox-derived-${mark}:1`)).toBe(true);
    expect((await images.list(rules.label)).filter(({ names }) => names.length === 0)).toEqual([]);
  });

  it("finds nothing more to do the second time", async () => {
    expect(await pruneImages(images, rules)).toEqual([]);
  });

  it("goes by names that Matchbox gives, and keeps those of this checkout", () => {
    const { isOurs, keep } = pruneRules();
    expect(keep).toEqual([imageTag("sandbox"), imageTag("data")]);
    expect(keep.every(isOurs)).toBe(true);
    expect(
      ["matchbox-sandbox:try", "matchbox-base:trixie-0123456789ab", "x/matchbox-data:0123456789ab"].filter(isOurs),
    ).toEqual([]);
  });
});

describe("removeUnusedVolumes", () => {
  it("removes those with the label that no container has, and no others", async () => {
    const mark = randomBytes(6).toString("hex");
    const label = `matchbox.test-${mark}`;
    const make = (name: string, labels: Record<string, string>) =>
      callEngine("POST", "/volumes/create", { Name: `${name}-${mark}`, Labels: labels });
    await make("unused", { [label]: "" });
    await make("used", { [label]: "" });
    await make("strange", {});
    const created = await callEngine("POST", "/containers/create", {
      Image: testImage(),
      Labels: { matchbox: `prune-${mark}` },
      HostConfig: { Mounts: [{ Type: "volume", Source: `used-${mark}`, Target: "/x" }] },
    });
    const { Id: container } = JSON.parse(created.toString()) as { Id: string };
    try {
      expect(await images.removeUnusedVolumes(label)).toEqual([`unused-${mark}`]);
      expect(await images.removeUnusedVolumes(label)).toEqual([]);
      await callEngine("GET", `/volumes/strange-${mark}`);
    } finally {
      await callEngine("DELETE", `/containers/${container}?force=1`);
      for (const name of ["used", "strange"]) await callEngine("DELETE", `/volumes/${name}-${mark}`);
    }
  });
});
