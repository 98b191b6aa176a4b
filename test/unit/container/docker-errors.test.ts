import { describe, expect, it } from "vitest";
import { DeadlineError } from "../../../src/deadline.js";
import { engineError, engineStatus } from "../../../src/container/docker-errors.js";
import { EngineDownError, EngineRefusedError, ImageMissingError, RunnerError } from "../../../src/container/errors.js";
import { DescriptorsError } from "../../../src/errors.js";
import { imageTag } from "../../../src/setup/sandbox-image.js";

const call = { what: "create a container", engine: "unix:///e", image: "img:1" };

/** What dockerode throws for an answer. */
function answered(statusCode: number, message: string): Error {
  return Object.assign(new Error(`(HTTP code ${statusCode}) something - ${message}`), {
    statusCode,
    json: { message },
  });
}

function systemError(code: string): Error {
  return Object.assign(new Error(`connect ${code} /e`), { code });
}

describe("a failure of a call to the engine", () => {
  it.each<[string, unknown, new (...args: never[]) => Error, RegExp]>([
    ["no such image", answered(404, "No such image: img:1"), ImageMissingError, /The image img:1 is not there/],
    [
      "no such image, in newer words",
      answered(404, "no such image: img:1: not found"),
      ImageMissingError,
      /The image img:1 is not there/,
    ],
    [
      "no such network",
      answered(404, "network matchbox-1 not found"),
      EngineRefusedError,
      /refused to create a container: network matchbox-1 not found/,
    ],
    ["no descriptor left", systemError("EMFILE"), DescriptorsError, /cannot create a container: .*LimitNOFILE/],
    [
      "none left on the machine, deeper in",
      new Error("socket", { cause: systemError("ENFILE") }),
      DescriptorsError,
      /ulimit -n/,
    ],
    ["a name that is taken", answered(409, "Conflict"), EngineRefusedError, /Conflict/],
    [
      "a fault of the engine",
      answered(500, "OCI runtime create failed"),
      EngineRefusedError,
      /OCI runtime create failed/,
    ],
    [
      "a socket that is not there",
      systemError("ENOENT"),
      EngineDownError,
      /at unix:\/\/\/e cannot create a container: connect ENOENT/,
    ],
    ["nobody at the socket", systemError("ECONNREFUSED"), EngineDownError, /ECONNREFUSED/],
    ["no right to the socket", systemError("EACCES"), EngineDownError, /EACCES/],
    ["a broken connection", new Error("socket hang up"), EngineDownError, /socket hang up/],
    [
      "silence past the deadline",
      new DeadlineError(20_000),
      EngineDownError,
      /cannot create a container: .*within 20000 ms/,
    ],
    ["something that is no error", "nonsense", EngineDownError, /nonsense/],
    [
      "a name with two addresses, and nobody at either",
      new AggregateError([systemError("ECONNREFUSED"), systemError("ECONNREFUSED")]),
      EngineDownError,
      /ECONNREFUSED/,
    ],
  ])("is told by its kind and in the engine's words: %s", (_what, thrown, kind, words) => {
    const error = engineError(thrown, call);
    expect(error).toBeInstanceOf(kind);
    expect(error.message).toMatch(words);
    expect(error.cause).toBe(thrown);
  });

  it("has the engine's own words, without dockerode's frame around them", () => {
    expect(engineError(answered(500, "no space left"), call).message).not.toContain("HTTP code");
  });

  it("is no missing image where no image was asked for", () => {
    expect(engineError(answered(404, "No such image: x"), { what: "w", engine: "e" })).toBeInstanceOf(
      EngineRefusedError,
    );
  });

  it("of ours is left as it is", () => {
    const error = new RunnerError("ours");
    expect(engineError(error, call)).toBe(error);
  });
});

describe("the status of an answer", () => {
  it.each<[unknown, number | undefined]>([
    [answered(409, "x"), 409],
    [new Error("x"), undefined],
    [{ statusCode: "404" }, undefined],
    [null, undefined],
    ["404", undefined],
  ])("is known only where there was one", (error, status) => {
    expect(engineStatus(error)).toBe(status);
  });
});

describe("an image that is missing", () => {
  it.each([
    [imageTag("sandbox"), "Build it with: npx matchbox build"],
    [imageTag("data"), "Build it with: npx matchbox build --target data"],
    ["registry.example/own/python:3", "Pull it with: docker pull registry.example/own/python:3"],
    ["matchbox-sandboxes:1", "Pull it with: docker pull matchbox-sandboxes:1"],
  ])("is told with the command that gets it: %s", (image, words) => {
    expect(new ImageMissingError(image).message).toBe(`The image ${image} is not there. ${words}`);
  });
});
