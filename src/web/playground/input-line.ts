import { byId } from "../shared/dom.js";

export interface InputLineEvents {
  line(text: string): void;
  end(): void;
}

/** The line below the output, while a run takes input. */
export class InputLine {
  readonly #form = byId("input-line");
  readonly #text: HTMLInputElement;

  constructor(events: InputLineEvents) {
    const text = byId("input-line-text");
    if (!(text instanceof HTMLInputElement)) throw new Error("#input-line-text is no field for text");
    this.#text = text;
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
