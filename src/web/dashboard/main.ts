import "../shared/zod-without-eval.js";
import { WATCH_VERSION } from "../../protocol/watch.js";
import { byId, find, setText } from "../shared/dom.js";
import { showThemeToggle } from "../shared/theme.js";
import { Feed } from "./feed.js";
import { apply, type Model } from "./model.js";
import { View } from "./view.js";

showThemeToggle();
const view = new View();
let model: Model | undefined;
let isDrawing = false;
/** The version of the daemon that this page came from. */
let version: string | undefined;

/** However many messages come, the page is drawn once a frame, and not at all while nobody can see it. */
function draw(): void {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    if (model !== undefined) view.show(model);
  });
}

function tellOfOtherVersion(words: string): void {
  const notice = byId("notice");
  setText(find(notice, "span"), words);
  notice.hidden = false;
}

find(byId("notice"), "button").addEventListener("click", () => {
  location.reload();
});

new Feed({
  onMessage: (message) => {
    if (message.type === "snapshot") {
      document.documentElement.dataset["ready"] = "";
      version ??= message.report.server;
      if (message.version !== WATCH_VERSION) tellOfOtherVersion("The daemon is of another version than this page.");
      else if (message.report.server !== version)
        tellOfOtherVersion(`The daemon is now version ${message.report.server}; this page is that of ${version}.`);
    }
    model = apply(model, message);
    draw();
  },
  onUnreadable: () => {
    tellOfOtherVersion("The daemon says something that this page cannot read; it may be of another version.");
  },
  onLive: (isLive) => {
    byId("main").dataset["live"] = String(isLive);
  },
}).start();
