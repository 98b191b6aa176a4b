import { defineConfig } from "vitest/config";

/** Tests that share an engine run one file at a time, and one project after the other. */
const onTheEngine = ["contract", "integration", "fault", "abuse", "conformance", "browser", "cgroups"].map(
  (name, index) => ({
    extends: true as const,
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      fileParallelism: false,
      // No module of ours has state of its own, so files may share a process, and read all of them but once.
      isolate: false,
      sequence: { groupOrder: index + 1 },
      testTimeout: 60_000,
      hookTimeout: 60_000,
    },
  }),
);

export default defineConfig({
  test: {
    restoreMocks: true,
    unstubEnvs: true,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/{unit,architecture}/**/*.test.ts"],
          testTimeout: 10_000,
          pool: "threads",
          isolate: false,
        },
      },
      ...onTheEngine,
    ],
  },
});
