/** Images of ours, each a stage of `sandbox/Dockerfile`. */
export const IMAGE_TARGETS = ["sandbox", "data"] as const;
export type ImageTarget = (typeof IMAGE_TARGETS)[number];

/** On every image of ours and on the stages that it is built from; its value is the stage. */
export const IMAGE_LABEL = "matchbox.image";

/** On volumes that hold the runner for images without it; its value is the image that they were filled from. */
export const RUNNER_LABEL = "matchbox.runner";

/** The name of a target's images, before the colon. */
export function imageName(target: ImageTarget): string {
  return `matchbox-${target}`;
}

/** The command that gets an image, in words for whoever misses it. */
export function imageRemedy(reference: string): string {
  const target = IMAGE_TARGETS.find((candidate) => reference.startsWith(`${imageName(candidate)}:`));
  if (target === undefined) return `Pull it with: docker pull ${reference}`;
  return `Build it with: npx matchbox build${target === "sandbox" ? "" : ` --target ${target}`}`;
}
