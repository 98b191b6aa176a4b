import { DaemonError } from "../errors.js";
import { imageRemedy } from "../image-targets.js";

/** The engine does not answer: not there, not reachable, or silent past the deadline. */
export class EngineDownError extends DaemonError {
  readonly code = "engine_down";
}

/** The engine answers, and says no. */
export class EngineRefusedError extends DaemonError {
  readonly code = "lane_degraded";
}

/** A lane's image is not there; it is built, never pulled on the way to a run. */
export class ImageMissingError extends DaemonError {
  readonly code = "lane_degraded";

  constructor(image: string, options?: ErrorOptions) {
    super(`The image ${image} is not there. ${imageRemedy(image)}`, options);
  }
}

/** What a lane starts is not in its image. */
export class CommandMissingError extends DaemonError {
  readonly code = "lane_degraded";

  constructor(command: string, where: { lane: string; image: string }, options?: ErrorOptions) {
    super(
      `The image ${where.image} has no ${command}, which lane ${where.lane} starts, or not what it needs to start. ` +
        `Take an image that has it, or name another program in lanes.${where.lane}.command.`,
      options,
    );
  }
}

/** An image cannot be a sandbox's, whatever the lane says. */
export class ImageUnfitError extends DaemonError {
  readonly code = "lane_degraded";
}

/** A module that a lane preloads cannot be imported in its image. */
export class PreloadError extends DaemonError {
  readonly code = "lane_degraded";
}

/** The runner in a sandbox broke off, or spoke against the protocol of its frames. */
export class RunnerError extends DaemonError {
  readonly code = "lane_degraded";
}
