import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";

/** Those of the lanes that everybody has. */
export type Language = "python" | "shell";

/** What a program is given beside its text: `NAME.json` next to it. */
const sidecar = z.strictObject({
  /** The whole input. Without it the input is empty. */
  stdin: z.string().default(""),
  args: z.array(z.string()).default([]),
  env: z.record(z.string(), z.string()).default({}),
  /** Files of the workspace, by path. */
  files: z.record(z.string(), z.string()).default({}),
  /**
   * `heavy` takes about a second of a processor or more and is left to the full form; `telling` has shown a difference once
   * and is in every form.
   */
  kind: z.enum(["usual", "heavy", "telling"]).default("usual"),
});

export interface Program extends z.output<typeof sidecar> {
  /** `python/atexit-order`: its path without the ending. */
  readonly name: string;
  readonly language: Language;
  readonly code: string;
}

const ENDINGS: Readonly<Record<Language, string>> = { python: ".py", shell: ".sh" };

/** The programs below `folder/python` and `folder/shell`, by name. @throws where a sidecar is not as it should be, or nothing is there */
export async function readPrograms(folder: string): Promise<Program[]> {
  const programs = await Promise.all([readLanguage(folder, "python"), readLanguage(folder, "shell")]);
  if (programs.flat().length === 0) throw new Error(`${folder} has no programs in python/ and shell/`);
  return programs.flat();
}

async function readLanguage(folder: string, language: Language): Promise<Program[]> {
  const ending = ENDINGS[language];
  const names = await readdir(path.join(folder, language));
  const programs = names.filter((name) => name.endsWith(ending)).sort();
  const strays = names.filter((name) => !programs.includes(name.replace(/\.json$/, ending)));
  if (strays.length > 0) throw new Error(`${folder}/${language}: ${strays.join(", ")} belong to no program`);
  return await Promise.all(
    programs.map(async (file) => {
      const bytes = await readFile(path.join(folder, language, file));
      // A run's code is text; a program of other bytes could not be sent as it is.
      const code = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
      const beside = file.replace(ending, ".json");
      const more: unknown = names.includes(beside)
        ? JSON.parse(await readFile(path.join(folder, language, beside), "utf8"))
        : {};
      return { ...sidecar.parse(more), name: `${language}/${path.basename(file, ending)}`, language, code };
    }),
  );
}
