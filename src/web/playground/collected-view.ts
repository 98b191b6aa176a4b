import type { CollectedFile } from "../../client/output.js";
import { byId, element } from "../shared/dom.js";
import { formatBytes } from "../shared/format.js";

/** Pictures that browsers show; as an image nothing in them can run. */
const PICTURES: ReadonlyMap<string, string> = new Map([
  ["png", "image/png"],
  ["jpg", "image/jpeg"],
  ["jpeg", "image/jpeg"],
  ["gif", "image/gif"],
  ["webp", "image/webp"],
  ["svg", "image/svg+xml"],
]);

const SKIPPED: Readonly<Record<NonNullable<CollectedFile["skipped"]>, string>> = {
  too_large: "not sent: too large",
  too_many: "not sent: too many files",
  not_regular: "not sent: no ordinary file",
  unreadable: "not sent: cannot be read",
  unread: "not sent: this page did not read in time",
};

/** The files that a run gave back. Their bytes are held until the next run. */
export class CollectedView {
  readonly #section = byId("collected");
  readonly #list = byId("collected-list");
  #urls: string[] = [];

  clear(): void {
    this.#section.hidden = true;
    this.#list.replaceChildren();
    for (const url of this.#urls) URL.revokeObjectURL(url);
    this.#urls = [];
  }

  add({ path, size, bytes, skipped }: CollectedFile): void {
    this.#section.hidden = false;
    const row = element("div", { class: "file-row" }, element("span", { class: "file-path" }, path));
    row.append(element("span", { class: "file-size" }, formatBytes(size)));
    const item = element("li", {}, row);
    if (bytes === undefined) {
      row.append(element("span", { class: "file-skipped" }, skipped === undefined ? "not sent" : SKIPPED[skipped]));
    } else {
      const name = path.slice(path.lastIndexOf("/") + 1);
      // Of no type that a browser would open: it is only ever saved.
      const href = this.#urlOf(bytes, "application/octet-stream");
      row.append(element("a", { href, download: name, "aria-label": `Download ${path}` }, "Download"));
      const type = PICTURES.get(name.slice(name.lastIndexOf(".") + 1).toLowerCase());
      if (type !== undefined) item.append(element("img", { src: this.#urlOf(bytes, type), alt: path }));
    }
    this.#list.append(item);
  }

  #urlOf(bytes: Uint8Array, type: string): string {
    const url = URL.createObjectURL(new Blob([new Uint8Array(bytes)], { type }));
    this.#urls.push(url);
    return url;
  }
}
