import { systemClock } from "../../src/clock.js";
import { configSchema } from "../../src/config/schema.js";
import { sandboxSpec } from "../../src/pool/spec.js";
import { FAKE_IMAGE, FakeEngine } from "../support/fake-runtime.js";
import { describeRuntime } from "./runtime.contract.js";

const config = configSchema.parse({ lanes: { shell: { language: "shell" } } });
const engine = new FakeEngine(systemClock);
engine.behaviour.launchMs = 5;
engine.behaviour.removal = 5;

describeRuntime("fake", {
  runtime: (instance) => engine.runtime(instance),
  unwilling: async () =>
    Promise.resolve({
      runtime: (instance) => engine.runtime(instance),
      answer: (removals) => {
        engine.behaviour.removal = removals === "answered" ? 5 : removals;
      },
      [Symbol.asyncDispose]: async () => {
        engine.behaviour.removal = 5;
        return Promise.resolve();
      },
    }),
  spec: sandboxSpec("shell", config.lanes["shell"]!, { image: FAKE_IMAGE, ociRuntime: null, seccompProfile: "{}" }),
  holdMs: 50,
  patienceMs: 1_000,
  abortAfterMs: [0, 2, 10],
});
