import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { connectToEngine } from "../../../src/container/docker-client.js";

describe("the Docker client", () => {
  it("loads no gRPC, Protocol Buffers or SSH, and works without", () => {
    const docker = connectToEngine({ kind: "socket", socketPath: "/nowhere.sock" });
    const { cache } = createRequire(import.meta.url);
    const loaded = Object.keys(cache).flatMap((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []);
    expect(loaded).toEqual(expect.arrayContaining(["dockerode", "docker-modem"]));
    expect(["@grpc/grpc-js", "protobufjs", "ssh2"].filter((name) => loaded.includes(name))).toEqual([]);
    expect(docker.getContainer("a").id).toBe("a");
  });
});
