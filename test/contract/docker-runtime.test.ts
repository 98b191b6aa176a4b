import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { beforeAll } from "vitest";
import { systemClock } from "../../src/clock.js";
import { configSchema } from "../../src/config/schema.js";
import { DockerRuntime } from "../../src/container/docker-runtime.js";
import { type EngineAddress, engineAddress } from "../../src/container/engine-address.js";
import { packageRoot } from "../../src/package-root.js";
import { sandboxSpec } from "../../src/pool/spec.js";
import { buildImage, imageTag } from "../../src/setup/sandbox-image.js";
import { EngineProxy } from "../support/engine-proxy.js";
import { describeRuntime, type RuntimeSubject } from "./runtime.contract.js";

const config = configSchema.parse({ lanes: { shell: { language: "shell" } } });
const address = engineAddress(process.env["DOCKER_HOST"] ?? null);

beforeAll(async () => {
  await buildImage({ engine: address, target: "sandbox" });
}, 600_000);

const runtimeAt = (at: EngineAddress, instance: string, about: { directPipes: boolean }): DockerRuntime =>
  new DockerRuntime({
    ...config.engine,
    ...about,
    address: at,
    instance,
    egress: config.egress,
    clock: systemClock,
    log: pino({ level: "silent" }),
  });

const subject = (about: { directPipes: boolean }): RuntimeSubject => ({
  runtime: (instance) => runtimeAt(address, instance, about),
  unwilling: async () => {
    const proxy = new EngineProxy();
    await proxy.open();
    return {
      runtime: (instance) => runtimeAt(engineAddress(`unix://${proxy.path}`), instance, about),
      answer: (removals) => {
        proxy.removals = removals === "unconfirmed" ? "done, told as failed" : removals;
      },
      [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
    };
  },
  spec: sandboxSpec("shell", config.lanes["shell"]!, {
    image: imageTag("sandbox"),
    ociRuntime: null,
    seccompProfile: readFileSync(join(packageRoot(), "sandbox", "seccomp.json"), "utf8"),
  }),
  holdMs: 2_000,
  patienceMs: 10_000,
  abortAfterMs: [1, 5, 15, 40, 80],
});

describeRuntime("docker", subject({ directPipes: true }));
describeRuntime("docker, through the engine", subject({ directPipes: false }));
