import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { installedBrowser, launchBrowser, openPage } from "../support/browser.js";
import { startDaemonProcess, type DaemonProcess } from "../support/daemon.js";

describe.skipIf(installedBrowser === undefined)("what both pages share", () => {
  let daemon: DaemonProcess;
  let browser: Browser;
  beforeAll(async () => {
    [daemon, browser] = await Promise.all([startDaemonProcess(), launchBrowser()]);
  });
  afterAll(async () => {
    await browser.close();
    await daemon[Symbol.asyncDispose]();
  });

  it("leads from one to the other, and says which one it is", async () => {
    const { page, faults } = await openPage(browser, daemon.url);
    await page.goto(daemon.url);
    await page.getByRole("link", { name: "Playground" }).click();
    await page.waitForURL("**/playground");
    const current = page.getByRole("navigation").locator("[aria-current=page]");
    expect(await current.textContent()).toBe("Playground");
    await page.getByRole("link", { name: "Dashboard" }).click();
    await page.waitForURL(`${daemon.url}/`);
    expect(await current.textContent()).toBe("Dashboard");
    expect(faults).toEqual([]);
    await page.context().close();
  });

  it("follows the system's theme until another one is chosen, and keeps that", async () => {
    const { page } = await openPage(browser, daemon.url, { colorScheme: "dark" });
    const ground = (): Promise<string> =>
      page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    await page.goto(daemon.url);
    const dark = await ground();
    await page.getByRole("button", { name: "Theme: system" }).click();
    const light = await ground();
    expect(light).not.toBe(dark);
    await page.reload();
    expect(await ground()).toBe(light);
    await page.getByRole("button", { name: "Theme: light" }).click();
    expect(await ground()).toBe(dark);
    await page.context().close();
  });
});
