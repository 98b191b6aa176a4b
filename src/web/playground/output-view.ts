import { byId, element, setText } from "../shared/dom.js";
import { formatCount } from "../shared/format.js";
import type { Span } from "./terminal/line.js";
import { type Color, PLAIN, type Style } from "./terminal/style.js";
import type { Block, Transcript } from "./terminal/transcript.js";

/** So near to its end a reader still reads along. */
const NEAR_PX = 32;
/** Of a line that is not broken, as the style sheet has it. */
const LINE_PX = 19.5;
/** After drawing the page has so many times as long for everything else, such as a click on Cancel. */
const REST_FACTOR = 3;

/** Elements that are made in one frame; more wait for the next, so that a page full of colours comes in steps. */
const FRAME_NODES = 4_000;

interface Drawn {
  readonly block: Block;
  readonly element: HTMLElement;
  /** What its element shows. */
  spans: readonly Span[];
}

/** Draws a transcript, at most once a frame and less often where that is much to do, and keeps its end in sight. */
export class OutputView {
  readonly #transcript: Transcript;
  readonly #console = byId("output");
  readonly #dropped = byId("output-dropped");
  readonly #follow = byId("follow");
  #drawn: Drawn[] = [];
  #isFollowing = true;
  /** Where the reader was at the last scroll, in pixels. */
  #top = 0;
  #isAsked = false;
  #notBefore = 0;

  constructor(transcript: Transcript) {
    this.#transcript = transcript;
    this.#console.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = this.#console;
      const isUp = scrollTop < this.#top;
      this.#top = scrollTop;
      // Without a move up it is the text that has grown, and nobody has left its end.
      if (scrollHeight - scrollTop - clientHeight < NEAR_PX) this.#setFollowing(true);
      else if (isUp) this.#setFollowing(false);
      if (this.#isFollowing && !isUp) this.#toEnd();
    });
    this.#follow.addEventListener("click", () => {
      this.#setFollowing(true);
      this.#toEnd();
      this.#console.focus();
    });
    const stayAtEnd = (): void => {
      if (this.#isFollowing) this.#toEnd();
    };
    // What comes into sight is laid out only then, and may turn out higher than it was taken for.
    this.#console.addEventListener("contentvisibilityautostatechange", stayAtEnd);
    // The account of the run takes its room from the output, a line more when its container is gone.
    new ResizeObserver(stayAtEnd).observe(this.#console);
  }

  /** The transcript has changed. */
  changed(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    requestAnimationFrame(this.#frame);
  }

  readonly #frame = (now: number): void => {
    if (now < this.#notBefore) {
      requestAnimationFrame(this.#frame);
      return;
    }
    this.#isAsked = false;
    const start = performance.now();
    this.#draw();
    // Reading where the end is makes the browser lay out what was drawn, so this is all that it costs.
    if (this.#isFollowing) this.#toEnd();
    const end = performance.now();
    this.#notBefore = end + REST_FACTOR * (end - start);
  };

  #draw(): void {
    const { blocks, droppedLines } = this.#transcript;
    const firstId = blocks[0]?.id ?? Infinity;
    const kept = this.#drawn.findIndex(({ block }) => block.id >= firstId);
    for (const { element: gone } of this.#drawn.splice(0, kept === -1 ? this.#drawn.length : kept)) gone.remove();
    // Only the last one that was drawn can have changed since.
    const last = this.#drawn.at(-1);
    let made = last === undefined ? 0 : fill(last);
    for (const block of blocks.slice(this.#drawn.length)) {
      if (made > FRAME_NODES) {
        this.changed();
        break;
      }
      const fresh: Drawn = { block, element: element("div", { class: block.source }), spans: [] };
      made += 1 + fill(fresh);
      this.#drawn.push(fresh);
      this.#console.append(fresh.element);
    }
    setText(this.#dropped, droppedLines === 0 ? "" : `${formatCount(droppedLines)} earlier lines are not kept here`);
    this.#dropped.hidden = droppedLines === 0;
  }

  #toEnd(): void {
    this.#console.scrollTop = this.#console.scrollHeight;
  }

  #setFollowing(isFollowing: boolean): void {
    this.#isFollowing = isFollowing;
    this.#follow.hidden = isFollowing;
  }
}

/** Brings an element up to its block, whose first spans seldom change. @returns how many nodes that took */
function fill(drawn: Drawn): number {
  const { block, element: target } = drawn;
  const { spans, lines } = block;
  let same = 0;
  while (same < spans.length && spans[same] === drawn.spans[same]) same += 1;
  while (target.childNodes.length > same) target.lastChild?.remove();
  const fresh = spans.slice(same).map(nodeOf);
  target.append(...fresh);
  drawn.spans = spans;
  // What it is taken for while it is out of sight and not laid out.
  target.style.setProperty("contain-intrinsic-block-size", `auto ${lines * LINE_PX}px`);
  return fresh.length;
}

function nodeOf({ text, style }: Span): Node {
  if (style === PLAIN) return document.createTextNode(text);
  const span = element("span", {}, text);
  for (const trait of ["bold", "dim", "italic", "underline", "strike"] as const) {
    span.classList.toggle(trait, style[trait]);
  }
  const { foreground, background } = colorsOf(style);
  if (foreground !== undefined) span.style.color = cssOf(foreground);
  if (background !== undefined) span.style.backgroundColor = cssOf(background);
  return span;
}

function colorsOf(style: Style): { foreground: Color | undefined; background: Color | undefined } {
  const { foreground, background } = style;
  return style.inverse
    ? { foreground: background ?? "var(--console)", background: foreground ?? "var(--console-ink)" }
    : { foreground, background };
}

function cssOf(color: Color): string {
  return typeof color === "number" ? `var(--ansi-${color})` : color;
}
