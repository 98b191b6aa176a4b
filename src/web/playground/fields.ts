import { byId, byIdOf, setText } from "../shared/dom.js";
import type { Example } from "./examples.js";
import type { Draft, Field } from "./request.js";

/** What the panels below the editor hold. */
export type FieldValues = Pick<Draft, "input" | "isInputOpen" | "args" | "env" | "timeout" | "collect">;

/** Where each field that can be wrong says so, and the panel that must be open for it to be seen. */
const PROBLEMS: Readonly<Record<Field, { problem: string; panel: string; control: string }>> = {
  env: { problem: "env-problem", panel: "settings-panel", control: "env" },
  timeout: { problem: "timeout-problem", panel: "settings-panel", control: "timeout" },
  files: { problem: "files-problem", panel: "files-panel", control: "files-add" },
};

/** The panels with the program's input, arguments, environment, time-out and what to collect. */
export class Fields {
  readonly #input = byIdOf("input", HTMLTextAreaElement);
  readonly #isOpen = byIdOf("input-open", HTMLInputElement);
  readonly #args = byIdOf("args", HTMLTextAreaElement);
  readonly #env = byIdOf("env", HTMLTextAreaElement);
  readonly #timeout = byIdOf("timeout", HTMLInputElement);
  readonly #collect = byIdOf("collect", HTMLTextAreaElement);

  constructor() {
    for (const panel of ["input-panel", "settings-panel"]) {
      byId(panel).addEventListener("input", () => {
        this.clearProblems();
        this.#summarise();
      });
    }
    this.#summarise();
  }

  get values(): FieldValues {
    return {
      input: this.#input.value,
      isInputOpen: this.#isOpen.checked,
      args: this.#args.value,
      env: this.#env.value,
      timeout: this.#timeout.value,
      collect: this.#collect.value,
    };
  }

  /** Everything that an example does not name is empty for it. */
  fill(example: Example): void {
    this.#input.value = example.input ?? "";
    this.#isOpen.checked = example.isInputOpen ?? false;
    this.#args.value = example.args ?? "";
    this.#env.value = "";
    this.#timeout.value = example.timeout ?? "";
    this.#collect.value = example.collect ?? "";
    this.clearProblems();
    this.#summarise();
  }

  /** What the time-out is where none is typed. */
  setDefaultTimeout(text: string): void {
    this.#timeout.placeholder = text;
  }

  showProblem(field: Field, text: string): void {
    const { problem, panel, control } = PROBLEMS[field];
    byId(panel).setAttribute("open", "");
    setText(byId(problem), text);
    byId(control).setAttribute("aria-invalid", "true");
    byId(control).focus();
  }

  clearProblems(): void {
    for (const { problem, control } of Object.values(PROBLEMS)) {
      setText(byId(problem), "");
      byId(control).removeAttribute("aria-invalid");
    }
  }

  #summarise(): void {
    const { input, isInputOpen, args, env, timeout, collect } = this.values;
    setText(
      byId("input-summary"),
      isInputOpen ? "kept open while it runs" : input === "" ? "none" : `${input.length} characters`,
    );
    const set = Object.entries({ arguments: args, environment: env, "time-out": timeout, collect })
      .filter(([, value]) => value.trim() !== "")
      .map(([name]) => name);
    setText(byId("settings-summary"), set.length === 0 ? "defaults" : set.join(", "));
  }
}
