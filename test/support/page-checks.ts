import type { Page } from "playwright-core";

/** Texts of a page whose contrast against what is behind them is too low to be read, and how much it is. */
export async function faintTexts(page: Page, least = 4.5): Promise<string[]> {
  return page.evaluate((lowest) => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    if (canvas === null) throw new Error("no canvas to read colours with");
    /** Paints a colour over another one, as the browser does. */
    const over = (color: string, ground: readonly number[]): number[] => {
      canvas.fillStyle = `rgb(${ground.join(" ")})`;
      canvas.fillRect(0, 0, 1, 1);
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
      return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
    };
    const groundOf = (element: Element): number[] => {
      const color = getComputedStyle(element).backgroundColor;
      const parent = element.parentElement;
      return over(color, parent === null ? [255, 255, 255] : groundOf(parent));
    };
    const luminance = (color: readonly number[]): number => {
      const [r = 0, g = 0, b = 0] = color.map((part) => {
        const share = part / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const found: string[] = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const parent = node.parentElement;
      const text = node.textContent?.trim() ?? "";
      if (parent === null || text === "" || !parent.checkVisibility()) continue;
      const ground = groundOf(parent);
      const [one, other] = [luminance(ground), luminance(over(getComputedStyle(parent).color, ground))];
      const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      if (contrast < lowest) found.push(`${text}: ${contrast.toFixed(2)}`);
    }
    return found;
  }, least);
}

/** What somebody who cannot see the page would miss, in words. */
export async function unnamedParts(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const nameOf = (element: Element): string => {
      const by = (element.getAttribute("aria-labelledby") ?? "").split(" ").filter((id) => id !== "");
      const labels = by.map((id) => document.getElementById(id)?.textContent ?? "");
      const forInput = element instanceof HTMLInputElement ? [...(element.labels ?? [])] : [];
      labels.push(...forInput.map((label) => label.textContent));
      return [...labels, element.getAttribute("aria-label") ?? "", element.textContent].join("").trim();
    };
    const ownNameOf = (element: Element): string =>
      element.hasAttribute("aria-labelledby") ? nameOf(element) : (element.getAttribute("aria-label") ?? "").trim();
    const found: string[] = [];
    for (const element of document.querySelectorAll("a, button, input:not([hidden]), select, summary, [tabindex='0']"))
      if (nameOf(element) === "") found.push(`no name: ${element.outerHTML.slice(0, 80)}`);
    for (const element of document.querySelectorAll("[role=img], nav, section, [role=region], article"))
      if (ownNameOf(element) === "") found.push(`no label: ${element.outerHTML.slice(0, 80)}`);
    for (const element of document.querySelectorAll("svg:not([role=img])"))
      if (element.getAttribute("aria-hidden") !== "true") found.push(`a drawing that says nothing: ${element.outerHTML.slice(0, 80)}`); // prettier-ignore
    const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
    for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push(`an id twice: ${id}`);
    let level = 0;
    for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
      const next = Number(heading.tagName.slice(1));
      if (next > level + 1) found.push(`a heading out of order: ${heading.textContent}`);
      level = next;
    }
    for (const [landmark, selector] of [
      ["banner", "body > header"],
      ["main", "main"],
      ["navigation", "nav"],
    ])
      // prettier-ignore
      if (document.querySelectorAll(selector ?? "").length !== 1) found.push(`not one ${landmark ?? ""}`);
    return found;
  });
}

/** Presses Tab through the page. @returns what has the focus each time, and whether that can be seen */
export async function tabOrder(page: Page, stops: number): Promise<{ name: string; isSeen: boolean }[]> {
  const order: { name: string; isSeen: boolean }[] = [];
  for (let stop = 0; stop < stops; stop += 1) {
    await page.keyboard.press("Tab");
    order.push(
      await page.evaluate(() => {
        const focused = document.activeElement;
        const style = focused === null ? undefined : getComputedStyle(focused);
        return {
          name: focused === null ? "" : focused.id || focused.textContent.trim(),
          isSeen: style?.outlineStyle === "solid" && Number.parseFloat(style.outlineWidth) >= 2,
        };
      }),
    );
  }
  return order;
}

export interface PaintTimes {
  readonly firstPaintMs: number;
  /** Bytes of everything that was loaded, as they came over the wire. */
  readonly bytes: number;
}

/** What else the machine does only makes a page slower, so the quickest of some loads is what the page itself takes. */
const LOADS = 4;

/** Loads a page as a processor six times slower would, with nothing kept from before. */
export async function paintTimes(page: Page, url: string): Promise<PaintTimes> {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  await session.send("Emulation.setCPUThrottlingRate", { rate: 6 });
  const loads: PaintTimes[] = [];
  for (let load = 0; load < LOADS; load += 1) loads.push(await loadOnce(page, url));
  await session.send("Emulation.setCPUThrottlingRate", { rate: 1 });
  return loads.reduce((best, one) => (one.firstPaintMs < best.firstPaintMs ? one : best));
}

async function loadOnce(page: Page, url: string): Promise<PaintTimes> {
  await page.goto(url, { waitUntil: "load" });
  // The program comes after the paint, and counts too.
  await page.locator("main[data-live=true]").waitFor();
  return page.evaluate(async () => {
    const paint = await new Promise<number>((resolve) => {
      new PerformanceObserver((list, observer) => {
        const entry = list.getEntriesByName("first-contentful-paint")[0];
        if (entry === undefined) return;
        observer.disconnect();
        resolve(entry.startTime);
      }).observe({ type: "paint", buffered: true });
    });
    const loaded = performance.getEntries().filter((entry) => "encodedBodySize" in entry);
    const bytes = loaded.reduce((sum, entry) => sum + Number(Reflect.get(entry, "encodedBodySize")), 0);
    return { firstPaintMs: paint, bytes };
  });
}
