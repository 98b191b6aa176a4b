import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { installedBrowser, launchBrowser, openPage, type WatchedPage } from "../support/browser.js";
import { type DaemonProcess, startDaemon, startDaemonProcess } from "../support/daemon.js";
import { EngineProxy } from "../support/engine-proxy.js";
import { faintTexts, paintTimes, tabOrder, unnamedParts } from "../support/page-checks.js";
import { Peer } from "../support/peer.js";

const TOKEN = "correct-horse-battery";

const stripOf = (page: Page, lane: string): Locator => page.getByRole("img", { name: new RegExp(`^Lane ${lane}:`) });
const cardOf = (page: Page, lane: string): Locator => page.getByRole("article", { name: lane });
const live = async (page: Page): Promise<void> => page.locator("main[data-live=true] article").first().waitFor();

describe.skipIf(installedBrowser === undefined)("the dashboard", () => {
  let browser: Browser;
  let daemon: DaemonProcess;
  let peer: Peer;
  beforeAll(async () => {
    [browser, daemon] = await Promise.all([launchBrowser(), startDaemonProcess()]);
    peer = await Peer.connect(daemon.url);
  });
  afterAll(async () => {
    await browser.close();
    await peer[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
  });

  /** The dashboard of the daemon that the tests share, live. */
  const open = async (options?: BrowserContextOptions): Promise<WatchedPage> => {
    const watched = await openPage(browser, daemon.url, options);
    await watched.page.goto(daemon.url);
    await live(watched.page);
    return watched;
  };

  it("shows what to do while there are no runs, then a run's match burning, then the run with its ending", async () => {
    const { page, faults } = await open();
    await page.getByText("No runs yet.").waitFor();
    await stripOf(page, "python").and(page.locator("[aria-label*='2 of 2 sandboxes warm']")).waitFor();
    expect(await stripOf(page, "python").locator("[data-state=warm]").count()).toBe(2);

    const id = peer.start("python", "import time; print('up', flush=True); time.sleep(1.5); raise SystemExit(3)");
    await stripOf(page, "python").locator("[data-state=leased]").waitFor();
    expect(await stripOf(page, "python").getAttribute("aria-label")).toContain("1 leased");
    await peer.ending(id);
    const row = page.getByRole("row", { name: /exited 3/ });
    await row.waitFor();
    expect(await row.getByRole("cell").allTextContents()).toEqual(expect.arrayContaining(["python", "warm", "3 B"]));
    expect(await row.locator(".bar-run").count()).toBe(1);
    await page.getByText("No runs yet.").waitFor({ state: "hidden" });

    await peer.run("shell", "sleep 30", { timeoutMs: 200 });
    await page.getByRole("row", { name: /shell timed out/ }).waitFor();
    await cardOf(page, "shell").getByText("Time to first byte").waitFor();
    await page.getByRole("img", { name: /Arrivals in lane shell.*1 warm/ }).waitFor();
    expect(await page.getByRole("button", { name: "Reload" }).isVisible()).toBe(false);
    expect(faults).toEqual([]);
    await page.context().close();
  });

  it("can be held still, and can show problems only", async () => {
    const { page } = await open();
    const rows = page.locator("#runs-body tr");
    await peer.run("python", "print(1)");
    await rows.filter({ hasText: "exited 0" }).first().waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    const before = await rows.count();
    await peer.run("python", "raise SystemExit(9)");
    await page.getByRole("button", { name: "Paused, 1 more" }).click();
    await rows.filter({ hasText: "exited 9" }).waitFor();
    expect(await rows.count()).toBe(before + 1);
    await page.getByRole("button", { name: "Problems only" }).click();
    await rows.filter({ hasText: "exited 0" }).first().waitFor({ state: "detached" });
    expect(await rows.filter({ hasText: "exited 9" }).count()).toBe(1);
    await page.context().close();
  });

  it.each(["light", "dark"] as const)("can be read and used by everybody, %s", async (colorScheme) => {
    const { page } = await open({ colorScheme });
    await peer.run("python", "raise SystemExit(4)");
    await page.getByRole("row", { name: /exited 4/ }).first().waitFor(); // prettier-ignore
    expect(await unnamedParts(page)).toEqual([]);
    expect(await faintTexts(page)).toEqual([]);
    const order = await tabOrder(page, 8);
    expect(order.map(({ name }) => name)).toEqual([
      "Skip to the content",
      "Matchbox",
      "Dashboard",
      "Playground",
      "theme",
      "runs-problems",
      "runs-pause",
      expect.stringContaining("Asked at"),
    ]);
    expect(order.every(({ isSeen }) => isSeen)).toBe(true);
    await page.context().close();
  });

  it("fits a telephone: nothing but the table of runs is wider than the screen", async () => {
    const { page } = await open({ viewport: { width: 390, height: 844 } });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    await page.context().close();
  });

  it("holds still for who wants no motion", async () => {
    const { page } = await open({ reducedMotion: "reduce" });
    const id = peer.start("python", "import time; time.sleep(1)");
    await stripOf(page, "python").locator("[data-state=leased]").waitFor();
    expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
    await peer.ending(id);
    await page.context().close();
  });

  it("is painted within a second on a processor six times slower, from less than 60 kB", async () => {
    const { page } = await openPage(browser, daemon.url);
    const { firstPaintMs, bytes } = await paintTimes(page, daemon.url);
    expect(firstPaintMs).toBeLessThan(1_000);
    await live(page);
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(60_000);
    await page.context().close();
  });

  it("survives the daemon's restart: says so, comes back by itself, and begins to count anew", async () => {
    let own = await startDaemonProcess();
    const { page, faults } = await openPage(browser, own.url);
    await page.goto(own.url);
    await live(page);
    await using first = await Peer.connect(own.url);
    await first.run("python", "raise SystemExit(5)");
    await page.getByRole("row", { name: /exited 5/ }).waitFor();
    await page.evaluate(() => Reflect.set(window, "isSamePage", true));

    own.kill("SIGTERM");
    await page.getByRole("status").filter({ hasText: /the daemon has stopped; trying again in \d+ s/ }).waitFor(); // prettier-ignore
    await page.locator("main[data-live=false]").waitFor();
    await own.exited();
    await page.getByRole("status").filter({ hasText: "does not answer" }).waitFor();

    const listen = own.url.slice("http://".length);
    own = await startDaemonProcess([`server.listen=${listen}`], own.instance);
    await live(page);
    await page.getByRole("status").filter({ hasText: "live" }).waitFor();
    await page.getByText("No runs yet.").waitFor();
    await using second = await Peer.connect(own.url);
    await second.run("python", "raise SystemExit(6)");
    await page.getByRole("row", { name: /exited 6/ }).waitFor();
    expect(await page.getByRole("row", { name: /exited 5/ }).count()).toBe(0);
    expect(await page.evaluate(() => "isSamePage" in window)).toBe(true);
    expect(faults).toEqual([]);
    await page.context().close();
    await own[Symbol.asyncDispose]();
  });

  it("says when the daemon is of another version than the page, and how to get the right one", async () => {
    const { page } = await openPage(browser, daemon.url);
    await page.routeWebSocket("**/v1/watch", (socket) => {
      socket.connectToServer().onMessage((text) => socket.send(String(text).replace('"version":1', '"version":2')));
    });
    await page.goto(daemon.url);
    await page.getByRole("alert").filter({ hasText: "another version than this page" }).waitFor();
    await page.getByRole("button", { name: "Reload" }).focus();
    await page.keyboard.press("Enter");
    await live(page);
    await page.context().close();
  });

  it("asks for a token where the daemon does, until it is the right one, and keeps it for the tab only", async () => {
    await using own = await startDaemon([`server.tokens=["${TOKEN}"]`]);
    const { page, faults } = await openPage(browser, own.url);
    await page.goto(own.url);
    const dialog = page.getByRole("dialog", { name: /asks for a token/ });
    await dialog.getByLabel("Token").fill("wrong-wrong-wrong-wrong");
    await page.keyboard.press("Enter");
    await dialog.getByText("does not know this token").waitFor();
    expect(await faintTexts(page)).toEqual([]);
    await dialog.getByLabel("Token").fill(TOKEN);
    await dialog.getByRole("button", { name: "Go in" }).click();
    await live(page);
    await page.reload();
    await live(page);
    expect(await page.evaluate(() => `${localStorage.length} ${document.cookie}`)).toBe("0 ");
    const other = await page.context().newPage();
    await other.goto(own.url);
    await other.getByRole("dialog").waitFor();
    expect(faults).toEqual([]);
    await page.context().close();
  });

  it("tells of an engine that is gone, in its own words, and of its return", async () => {
    await using proxy = new EngineProxy();
    await proxy.open();
    await using own = await startDaemon([`engine.socket=unix://${proxy.path}`]);
    const { page } = await openPage(browser, own.url);
    await page.goto(own.url);
    await live(page);
    await page.getByText("● answers").waitFor();
    await proxy.die();
    await page.getByText("▲ does not answer").waitFor();
    const alert = cardOf(page, "python").getByRole("alert");
    await alert.filter({ hasText: proxy.path }).waitFor();
    await cardOf(page, "python").getByText("▲ degraded").waitFor();
    expect(await faintTexts(page)).toEqual([]);
    await proxy.open();
    await page.getByText("● answers").waitFor();
    await cardOf(page, "python").getByText("● ready").waitFor();
    expect(await alert.isVisible()).toBe(false);
    await page.context().close();
  });

  it("says why a lane is degraded, and how to mend it", async () => {
    await using own = await startDaemon(["lanes.python.image=matchbox-no-such-image:1"]);
    const { page } = await openPage(browser, own.url);
    await page.goto(own.url);
    const alert = cardOf(page, "python").getByRole("alert");
    await alert.filter({ hasText: "matchbox-no-such-image:1" }).waitFor();
    expect(await stripOf(page, "python").locator("[data-state=empty]").count()).toBe(2);
    await cardOf(page, "shell").getByText("● ready").waitFor();
    await page.context().close();
  });
});
