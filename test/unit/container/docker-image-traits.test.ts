import { describe, expect, it } from "vitest";
import { imageTraits } from "../../../src/container/docker-image-traits.js";
import { ImageUnfitError } from "../../../src/container/errors.js";

const traits = (Config: unknown) => imageTraits("own:1", { Id: "sha256:1", Config, Size: 1 });

describe("what an image says of itself", () => {
  it.each([undefined, null, {}, { Labels: null, Volumes: null, Env: null }])("may be nothing: %j", (config) => {
    expect(traits(config)).toEqual({
      imageId: "sha256:1",
      resolvesLocalhost: false,
      imageVolumes: [],
      imageVariables: [],
    });
  });

  it("has the names of its variables", () => {
    expect(traits({ Env: ["PATH=/bin", "EMPTY=", "A=b=c", "BARE"] }).imageVariables).toEqual([
      ...["PATH", "EMPTY", "A", "BARE"],
    ]);
  });

  it("has its volumes as plain paths, and whether localhost is found", () => {
    const config = {
      Labels: { "matchbox.localhost": "nss" },
      Volumes: { "/data/": {}, "/var//lib/../db": {}, rel: {} },
    };
    expect(traits(config)).toMatchObject({ resolvesLocalhost: true, imageVolumes: ["/data", "/var/db", "/rel"] });
  });

  it.each(["/opt/matchbox", "/opt/matchbox/", "/opt/matchbox/prewarm/python", "/"])(
    "is refused with a volume over the runner: %s",
    (folder) => {
      expect(() => traits({ Volumes: { [folder]: {} } })).toThrow(ImageUnfitError);
      expect(() => traits({ Volumes: { [folder]: {} } })).toThrow(/The image own:1 asks for a volume at \//);
    },
  );

  it("may have a volume around the runner's folder, or beside it", () => {
    expect(traits({ Volumes: { "/opt": {}, "/opt/matchbox2": {} } }).imageVolumes).toEqual(["/opt", "/opt/matchbox2"]);
  });
});
