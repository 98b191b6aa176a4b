import type { InputFile } from "../../protocol/messages.js";
import { byId, byIdOf, element, find, setText } from "../shared/dom.js";
import { formatBytes } from "../shared/format.js";
import { toBase64 } from "../../client/bytes.js";

interface Chosen {
  readonly content: string;
  readonly size: number;
  path: string;
}

/** The files that the next runs find in their workspace: picked, or dropped on the program's side of the page. */
export class FilesView {
  readonly #list = byId("files-list");
  readonly #summary = byId("files-summary");
  readonly #panel = byId("files-panel");
  #files: Chosen[] = [];

  constructor(dropZone: HTMLElement) {
    const picker = byIdOf("files-picker", HTMLInputElement);
    picker.addEventListener("change", () => {
      this.#takeAll(picker.files);
      picker.value = "";
    });
    byId("files-add").addEventListener("click", () => {
      picker.click();
    });
    dropZone.addEventListener("dragover", (event) => {
      if (event.dataTransfer?.types.includes("Files") !== true) return;
      event.preventDefault();
      dropZone.classList.add("is-dropping");
    });
    dropZone.addEventListener("dragleave", (event) => {
      if (event.relatedTarget instanceof Node && dropZone.contains(event.relatedTarget)) return;
      dropZone.classList.remove("is-dropping");
    });
    // Before the editor, which would put a text file's content into the program.
    dropZone.addEventListener(
      "drop",
      (event) => {
        dropZone.classList.remove("is-dropping");
        if (event.dataTransfer === null || event.dataTransfer.files.length === 0) return;
        event.preventDefault();
        event.stopPropagation();
        this.#takeAll(event.dataTransfer.files);
      },
      { capture: true },
    );
    this.#showCount();
  }

  get files(): InputFile[] {
    return this.#files.map(({ path, content }) => ({ path, content, encoding: "base64", mode: 0o644 }));
  }

  #takeAll(files: FileList | null): void {
    for (const file of files ?? []) void this.#take(file);
  }

  async #take(file: File): Promise<void> {
    let content: string;
    try {
      content = toBase64(new Uint8Array(await file.arrayBuffer()));
    } catch (error) {
      // A folder, or a file that is gone by now.
      setText(byId("files-problem"), `${file.name} cannot be read: ${error instanceof Error ? error.message : "?"}`);
      return;
    }
    const chosen: Chosen = { path: file.name, content, size: file.size };
    // The same file again is its newer version.
    const before = this.#files.findIndex(({ path }) => path === chosen.path);
    if (before !== -1) this.#remove(before);
    this.#files.push(chosen);
    this.#list.append(this.#rowOf(chosen));
    this.#panel.setAttribute("open", "");
    this.#showCount();
  }

  #rowOf(chosen: Chosen): HTMLElement {
    const path = element("input", { class: "file-path", "aria-label": "Path in the workspace", spellcheck: "false" });
    path.value = chosen.path;
    path.addEventListener("input", () => {
      chosen.path = path.value;
    });
    const remove = element("button", { type: "button", "aria-label": `Remove ${chosen.path}` }, "Remove");
    remove.addEventListener("click", () => {
      this.#remove(this.#files.indexOf(chosen));
      find(this.#panel, "summary").focus();
    });
    const size = element("span", { class: "file-size" }, formatBytes(chosen.size));
    return element("li", { class: "file-row" }, path, size, remove);
  }

  #remove(index: number): void {
    this.#files.splice(index, 1);
    this.#list.children[index]?.remove();
    this.#showCount();
  }

  #showCount(): void {
    const total = this.#files.reduce((sum, { size }) => sum + size, 0);
    setText(this.#summary, this.#files.length === 0 ? "none" : `${this.#files.length}, ${formatBytes(total)}`);
    setText(byId("files-problem"), "");
  }
}
