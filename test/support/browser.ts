import { existsSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** Where Debian and its relatives put it. */
const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The browser that is installed here; undefined where there is none, and the tests that need one are skipped. */
export const installedBrowser: string | undefined = PLACES.find((place) => existsSync(place));

if (installedBrowser === undefined) {
  console.warn("No Chromium here: the browser tests are skipped. On Debian: apt-get install -y chromium");
}

/** A browser of the test's own, without a window. */
export async function launchBrowser(): Promise<Browser> {
  // Its sandbox wants to be another user than root.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: installedBrowser ?? "", args });
}

export interface WatchedPage {
  readonly page: Page;
  /** What must not happen on any page of ours, in words: errors, breaches of its policy, requests to others. */
  readonly faults: readonly string[];
}

/** A page, and what goes wrong on it. @param origin the only one that it may speak to */
export async function openPage(
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  // Chromium tells of every breach of a policy here, those of probes that catch the exception included.
  page.on("console", (message) => {
    if (/content security policy/i.test(message.text())) faults.push(message.text());
  });
  const { host } = new URL(origin);
  const look = (url: string): void => {
    // What the page itself has made is behind `blob:` and the page's own address.
    if (new URL(url.replace(/^blob:/, "")).host !== host) faults.push(`request to ${url}`);
  };
  page.on("request", (request) => look(request.url()));
  page.on("websocket", (socket) => look(socket.url()));
  return { page, faults };
}
