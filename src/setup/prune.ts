import { IMAGE_LABEL, IMAGE_TARGETS, imageName } from "../image-targets.js";
import type { ImageApi } from "./docker-api.js";
import { imageTag } from "./sandbox-image.js";

export interface PruneRules {
  /** What every image of ours carries. */
  readonly label: string;
  /** Whether a name is one that we give. */
  readonly isOurs: (name: string) => boolean;
  /** Names that are needed although no container is made from them. */
  readonly keep: readonly string[];
}

/** What `matchbox build --prune` goes by: keeps the images of this checkout. */
export function pruneRules(): PruneRules {
  // The last ones are those that the tests make.
  const names = [...IMAGE_TARGETS.map(imageName), "matchbox-test-[a-z]+"].join("|");
  const pattern = new RegExp(`^(?:${names}):[0-9a-f]{12}$`);
  return {
    label: IMAGE_LABEL,
    isOurs: (name) => pattern.test(name),
    keep: IMAGE_TARGETS.map((target) => imageTag(target)),
  };
}

/**
 * Removes images that we made earlier and that nothing needs any more: those that have a name of ours, and those that have
 * none, which builds leave as their cache.
 *
 * What a container is made from stays. So does an image with any other name, because whoever gave it that has a use for it,
 * and one that was built on ours: it inherits the label, but its last step is another.
 * @returns the names that went, with an empty one for each image that had none
 */
export async function pruneImages(images: ImageApi, { label, isOurs, keep }: PruneRules): Promise<string[]> {
  const gone: string[] = [];
  for (const { id, names, lastStep, isUsed } of await images.list(label)) {
    if (isUsed || !lastStep.includes(`LABEL ${label}=`)) continue;
    if (names.some((name) => keep.includes(name) || !isOurs(name))) continue;
    for (const name of names) if (await images.remove(name)) gone.push(name);
    if (names.length === 0 && (await images.remove(id))) gone.push("");
  }
  return gone;
}
