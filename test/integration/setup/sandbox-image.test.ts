import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { engineAddress } from "../../../src/container/engine-address.js";
import { ensureBaseImage } from "../../../src/setup/base-image.js";
import { ImageApi } from "../../../src/setup/docker-api.js";
import { ensureImage, imageTag } from "../../../src/setup/sandbox-image.js";
import { SILENT } from "../../../src/setup/step.js";

const images = new ImageApi(engineAddress(process.env["DOCKER_HOST"] ?? null));
describe("ensureImage", () => {
  let base: string;
  let folder: string;

  beforeAll(async () => {
    base = await ensureBaseImage(images, { progress: SILENT });
  });

  /** Builds what the folder holds; tells the tag, what was noted, and what the engine said on the way. */
  async function build(force = false) {
    const said: string[] = [];
    let note = "";
    const progress = { update: (text: string) => said.push(text), note: (text: string) => (note = text) };
    const tag = await ensureImage(images, base, { target: "sandbox", progress, folder, force });
    return { tag, note, said: said.join("") };
  }

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "matchbox-image-"));
    await writeFile(path.join(folder, "Dockerfile"), "ARG BASE_IMAGE\nFROM $BASE_IMAGE AS sandbox\nCOPY word /word\n");
    await writeFile(path.join(folder, "word"), folder);
    await writeFile(path.join(folder, "other"), "not copied, so not sent\n");
  });

  afterEach(async () => {
    const tag = imageTag("sandbox", folder);
    if (await images.has(tag)) await images.remove(tag);
    await rm(folder, { recursive: true });
  });

  it("builds once, says what it does, and leaves an image alone that is there", async () => {
    const first = await build();
    expect(first).toMatchObject({ tag: imageTag("sandbox", folder), note: `built ${first.tag}` });
    expect(first.said).toContain("Step 3/3");
    expect(await build()).toEqual({ tag: first.tag, note: `${first.tag}, unchanged`, said: "" });
  });

  it("builds again when a file changes, or when it is forced to", async () => {
    const { tag } = await build();
    await images.remove(tag);
    await writeFile(path.join(folder, "word"), `${folder} changed`);
    const changed = await build();
    expect(changed.tag).not.toBe(tag);
    expect((await build(true)).note).toBe(`built ${changed.tag}`);
  });

  it("sends the engine nothing but the inputs", async () => {
    await writeFile(
      path.join(folder, "Dockerfile"),
      "ARG BASE_IMAGE\nFROM $BASE_IMAGE AS sandbox\nCOPY . /all\nRUN ls /all | sort | tr '\\n' ' '\n",
    );
    await writeFile(path.join(folder, ".dockerignore"), "other\n.dockerignore\n");
    expect((await build()).said).toContain("Dockerfile word");
  });

  it("shows the last output of the step that failed, and makes no image", async () => {
    await writeFile(
      path.join(folder, "Dockerfile"),
      "ARG BASE_IMAGE\nFROM $BASE_IMAGE AS sandbox\nRUN echo words of an earlier step\nRUN echo no such package >&2; exit 3\n",
    );
    const failure = await build().catch((error: unknown) => error as Error);
    expect(failure).toMatchObject({ name: "SetupError", message: expect.stringContaining("no such package") });
    expect(failure).toMatchObject({ message: expect.not.stringContaining("words of an earlier step") });
    expect(await images.has(imageTag("sandbox", folder))).toBe(false);
  });

  it("builds the stage that is asked for, under its own name", async () => {
    await writeFile(
      path.join(folder, "Dockerfile"),
      "ARG BASE_IMAGE\nFROM $BASE_IMAGE AS sandbox\nRUN echo for both\n" +
        "FROM sandbox AS data\nRUN echo for data alone\nFROM sandbox\nRUN echo for nobody\n",
    );
    const said: string[] = [];
    const progress = { ...SILENT, update: (text: string) => said.push(text) };
    const tag = await ensureImage(images, base, { target: "data", progress, folder });
    expect(tag).toBe(imageTag("data", folder));
    expect(await images.has(tag)).toBe(true);
    await images.remove(tag);
    expect(await images.has(imageTag("sandbox", folder))).toBe(false);
    expect(said.join("")).toMatch(/for both[^]*for data alone/);
    expect(said.join("")).not.toContain("for nobody");
  });

  it("stops when it is told to", async () => {
    await writeFile(path.join(folder, "Dockerfile"), "ARG BASE_IMAGE\nFROM $BASE_IMAGE AS sandbox\nRUN sleep 30\n");
    const signal = AbortSignal.timeout(1000);
    const startedAt = performance.now();
    await expect(ensureImage(images, base, { target: "sandbox", progress: SILENT, folder, signal })).rejects.toThrow();
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });
});
