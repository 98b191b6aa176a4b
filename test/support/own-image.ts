import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { engineAddress } from "../../src/container/engine-address.js";
import { baseRecipe, ensureBaseImage } from "../../src/setup/base-image.js";
import { ImageApi } from "../../src/setup/docker-api.js";
import { proxyArguments, stagesFor } from "../../src/setup/sandbox-image.js";
import { SILENT } from "../../src/setup/step.js";

const FOLDER = join(import.meta.dirname, "images");

export type OwnImage = "node" | "python" | "preloading" | "customized" | "busybox" | "programs";

/** The reference of an image as an operator may bring it, from `images/Dockerfile`; built where the engine does not have it. */
export async function ensureOwnImage(target: OwnImage): Promise<string> {
  const images = new ImageApi(engineAddress(process.env["DOCKER_HOST"] ?? null));
  const stages = stagesFor(target, readFileSync(join(FOLDER, "Dockerfile"), "utf8"));
  const hash = createHash("sha256").update(`${baseRecipe()}\0${stages}`).digest("hex");
  const tag = `matchbox-test-${target}:${hash.slice(0, 12)}`;
  if (await images.has(tag)) return tag;
  const base = await ensureBaseImage(images, { progress: SILENT });
  await images.build({
    tag,
    target,
    folder: FOLDER,
    files: ["Dockerfile"],
    buildArguments: { ...proxyArguments(), BASE_IMAGE: base },
    useCache: true,
  });
  return tag;
}
