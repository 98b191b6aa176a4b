import { byId, byIdOf } from "../shared/dom.js";

export interface InputLineEvents {
  line(text: string): void;
  end(): void;
}

/** The line below the output, while a run takes input. */
export class InputLine {
  readonly #form = byId("input-line");
  readonly #text = byIdOf("input-line-text", HTMLInputElement);

  constructor(events: InputLineEvents) {
    const text = this.#text;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      events.line(text.value);
      text.value = "";
      text.focus();
    });
    byId("input-line-end").addEventListener("click", () => {
      events.end();
    });
  }

  open(): void {
    this.#form.hidden = false;
    this.#text.value = "";
    this.#text.focus();
  }

  /** @returns whether the reader was typing here, and needs another place to be */
  close(): boolean {
    const hadFocus = this.#form.contains(document.activeElement);
    this.#form.hidden = true;
    return hadFocus;
  }
}
