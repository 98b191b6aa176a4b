import { z } from "zod";
import { configSchema } from "./schema.js";

/**
 * The configuration as a JSON schema, for editors to complete and check as one types. What relates keys to each other (a
 * stock over its bound, say) it cannot tell; the daemon does.
 */
export function configJsonSchema(): object {
  return { ...z.toJSONSchema(configSchema, { io: "input" }), title: "Configuration of Matchbox" };
}
