import { byId, find, setText } from "./dom.js";

/** How the page is connected, shown in its header and told to screen readers. */
export type ConnectionState = "connecting" | "live" | "lost";

/** @param text in a few words, such as `reconnecting in 4 s` */
export function showConnection(state: ConnectionState, text: string): void {
  const badge = byId("connection");
  badge.dataset["state"] = state;
  setText(find(badge, ".connection-text"), text);
}
