import { posix } from "node:path";
import { z } from "zod";
import { type ImageTraits, RUNNER_FOLDER } from "./docker-create-options.js";
import { ImageUnfitError } from "./errors.js";
import { LOCALHOST_LABEL } from "./labels.js";

/** What we read of an image; what it does not have is null or left out, as engines will. */
const imageInfo = z.object({
  Id: z.string(),
  Config: z
    .object({
      Labels: z.record(z.string(), z.string()).nullish(),
      Volumes: z.record(z.string(), z.unknown()).nullish(),
      Env: z.array(z.string()).nullish(),
    })
    .nullish(),
});

/**
 * @param answer what the engine says of the image
 * @throws ImageUnfitError where a volume would lie over the runner
 */
export function imageTraits(image: string, answer: unknown): ImageTraits {
  const { Id: imageId, Config: config } = imageInfo.parse(answer);
  const imageVolumes = Object.keys(config?.Volumes ?? {}).map((folder) => posix.resolve("/", folder));
  const covering = imageVolumes.find((folder) => `${folder}/`.startsWith(`${RUNNER_FOLDER}/`) || folder === "/");
  if (covering !== undefined) {
    throw new ImageUnfitError(
      `The image ${image} asks for a volume at ${covering}, where a sandbox has its runner. Build it without that VOLUME.`,
    );
  }
  return {
    imageId,
    resolvesLocalhost: LOCALHOST_LABEL in (config?.Labels ?? {}),
    imageVolumes,
    imageVariables: (config?.Env ?? []).map((variable) => variable.replace(/=[^]*$/, "")),
  };
}
