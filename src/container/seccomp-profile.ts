import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { ConfigError, messageOf } from "../errors.js";
import { packageRoot } from "../package-root.js";

const DENYING = ["SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP"];
const ACTIONS = [...DENYING, "SCMP_ACT_ALLOW", "SCMP_ACT_LOG"];
const COMPARISONS = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"].map((name) => `SCMP_CMP_${name}`);

const architecture = z.string().regex(/^SCMP_ARCH_[A-Z0-9_]+$/, { error: "must be an architecture, SCMP_ARCH_..." });
const errno = z.int().min(0).max(4_095);
// Whole and exact: JSON's numbers lose their last bits beyond 2^53, and a mask that has lost some lets more through.
const operand = z.int({ error: "must be a whole number up to 2^53" }).min(0);
const condition = z.strictObject({
  caps: z.array(z.string()).optional(),
  arches: z.array(z.string()).optional(),
  minKernel: z.string().optional(),
});

/**
 * A profile in the engine's form. Stricter than the engine, which lets pass what would open the sandbox: an empty object
 * means no filter at all to it, and a key that it does not know, such as `arg`, makes a rule that allows everything.
 */
const profileSchema = z.strictObject({
  comment: z.string().optional(),
  defaultAction: z.enum(DENYING, { error: `must be one that denies: ${DENYING.join(", ")}` }),
  defaultErrnoRet: errno.optional(),
  architectures: z.array(architecture).optional(),
  archMap: z
    .array(z.strictObject({ architecture, subArchitectures: z.array(architecture).nullable().optional() }))
    .optional(),
  syscalls: z.array(
    z.strictObject({
      comment: z.string().optional(),
      names: z.array(z.string().regex(/^[a-z_][a-z0-9_]*$/, { error: "must be the name of a system call" })).min(1),
      action: z.enum(ACTIONS, { error: `must be one of ${ACTIONS.join(", ")}` }),
      errnoRet: errno.optional(),
      args: z
        .array(
          z.strictObject({
            index: z.int().min(0).max(5),
            value: operand,
            valueTwo: operand.optional(),
            op: z.enum(COMPARISONS, { error: `must be one of ${COMPARISONS.join(", ")}` }),
          }),
        )
        .nullable()
        .optional(),
      includes: condition.optional(),
      excludes: condition.optional(),
    }),
  ),
});

/**
 * Reads a seccomp profile and checks that it denies what it does not name.
 * @param configured null for Matchbox's own
 * @param key what names the file, for the error
 * @returns JSON, as short as it goes: it is sent with every container
 * @throws ConfigError naming key and file
 */
export async function readSeccompProfile(configured: string | null, key: string): Promise<string> {
  const path = configured ?? join(packageRoot(), "sandbox", "seccomp.json");
  const place = `${key}: the seccomp profile ${path}`;
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    const what = error instanceof SyntaxError ? "is not JSON" : "cannot be read";
    throw new ConfigError(`${place} ${what}: ${messageOf(error)}`, { cause: error });
  }
  const parsed = profileSchema.safeParse(content);
  if (!parsed.success) {
    const lines = parsed.error.issues.map(
      (issue) => `${place}: ${[...issue.path, issue.message].map(String).join(": ")}`,
    );
    throw new ConfigError(lines.join("\n"));
  }
  return JSON.stringify(parsed.data);
}
