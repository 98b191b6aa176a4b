import { z } from "zod";
import { isUserVariable } from "../protocol/names.js";

/** Parts of a lane that say how a program of any language, in any image, is started, and as whom. */

const MAX_WORDS = 64;
const MAX_VARIABLES = 64;
const MAX_DEVICES = 64;
/** The largest number of a user; the one above means "nobody in particular" to the kernel. */
const MAX_ID = 4_294_967_294;

const TEXT = { error: "must be text without NUL" };
const isText = (text: string): boolean => text.isWellFormed() && !text.includes("\0");
const word = z.string().min(1, { error: "must not be empty" }).refine(isText, TEXT);

export const command = z
  .array(word)
  .min(1, { error: "must name a program, or be null for the language's own" })
  .max(MAX_WORDS, { error: `must have at most ${MAX_WORDS} words` });

/** No folder: the runner never collects this file, and knows it by its name. */
export const mainFile = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/, {
  error: "must be a plain name, such as main.rb: letters, digits and _ . -",
});

/** By numbers, so that no file of the image decides who it is. Root is refused: much of what holds a program holds users. */
export const user = z
  .string()
  .regex(/^\d{1,10}:\d{1,10}$/, {
    error: 'must be the numbers of a user and a group, such as "10001:10001"',
    abort: true,
  })
  .refine((text) => text.split(":").every((id) => Number(id) !== 0), {
    error: "must not be root, neither the user nor the group: use numbers from 1 on",
  })
  .refine((text) => text.split(":").every((id) => Number(id) <= MAX_ID), {
    error: `must have numbers from 1 to ${MAX_ID}`,
  });

const value = z.string().describe("Its value, as text.").refine(isText, TEXT);

export const env = z
  .record(
    z.string().refine(isUserVariable, {
      error: "is not a name that a program's environment may set: the sandbox itself, or what starts in it, reads it",
    }),
    value,
  )
  .refine((variables) => Object.keys(variables).length <= MAX_VARIABLES, {
    error: `must have at most ${MAX_VARIABLES} variables`,
  });

const GPUS = { error: 'must be "all", how many from 1 to 64, or a list of devices such as ["0", "GPU-3faa8e"]' };

export const gpus = z.union(
  [
    z.literal("all"),
    z.int(GPUS).min(1, GPUS).max(MAX_DEVICES, GPUS),
    z
      .array(z.string().regex(/^[A-Za-z0-9_.:/=-]{1,128}$/, GPUS))
      .min(1, GPUS)
      .max(MAX_DEVICES, GPUS),
  ],
  GPUS,
);
