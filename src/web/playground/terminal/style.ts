/** One of the theme's sixteen colours by number, or any other as `#rrggbb`. */
export type Color = number | string;

/** How characters look. Never changed, so that text written in one go can share one. */
export interface Style {
  readonly foreground: Color | undefined;
  readonly background: Color | undefined;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly italic: boolean;
  readonly underline: boolean;
  readonly strike: boolean;
  readonly inverse: boolean;
}

export const PLAIN: Style = {
  foreground: undefined,
  background: undefined,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  strike: false,
  inverse: false,
};

/** What each parameter that stands alone changes. */
const CHANGES: ReadonlyMap<number, Partial<Style>> = new Map<number, Partial<Style>>([
  [0, PLAIN],
  [1, { bold: true }],
  [2, { dim: true }],
  [3, { italic: true }],
  [4, { underline: true }],
  [7, { inverse: true }],
  [9, { strike: true }],
  [21, { underline: true }],
  [22, { bold: false, dim: false }],
  [23, { italic: false }],
  [24, { underline: false }],
  [27, { inverse: false }],
  [29, { strike: false }],
  [39, { foreground: undefined }],
  [49, { background: undefined }],
  ...colours(30, 0, "foreground"),
  ...colours(40, 0, "background"),
  ...colours(90, 8, "foreground"),
  ...colours(100, 8, "background"),
]);

function colours(from: number, first: number, layer: "foreground" | "background"): [number, Partial<Style>][] {
  return Array.from({ length: 8 }, (_, index) => [from + index, { [layer]: first + index }]);
}

/**
 * Remembers what sequences lead to, since programs use the same few over and over, and gives the same object for the same
 * look, so that text in it can be put together.
 */
export class StyleBook {
  readonly #looks = new Map<string, Style>();
  readonly #steps = new WeakMap<Style, Map<string, Style>>();

  /** The style after `ESC [ parameters m`. */
  after(style: Style, parameters: string): Style {
    if (parameters.length > MAX_REMEMBERED_CHARS) return this.#only(restyle(style, parameters));
    const steps = this.#steps.get(style) ?? new Map<string, Style>();
    const known = steps.get(parameters);
    if (known !== undefined) return known;
    const next = this.#only(restyle(style, parameters));
    if (steps.size < MAX_REMEMBERED) this.#steps.set(style, steps.set(parameters, next));
    return next;
  }

  #only(style: Style): Style {
    const look = Object.values(style).join();
    const known = this.#looks.get(look);
    if (known !== undefined) return known;
    // A gradient brings ever new ones.
    if (this.#looks.size >= MAX_REMEMBERED) this.#looks.clear();
    this.#looks.set(look, style);
    return style;
  }
}

const MAX_REMEMBERED = 256;
/** Programs that set a look have short sequences; long ones would cost memory and come back seldom. */
const MAX_REMEMBERED_CHARS = 64;

/** The style after `ESC [ parameters m`. What is not known changes nothing. */
export function restyle(style: Style, parameters: string): Style {
  const groups = parameters
    .split(";")
    .map((group) => group.split(":").map((part) => (part === "" ? undefined : Number(part))));
  let next = style;
  for (let at = 0; at < groups.length; at += 1) {
    const [code = 0, ...parts] = groups[at] ?? [];
    if (code === 38 || code === 48) {
      const layer = code === 38 ? "foreground" : "background";
      // `38;5;n` and `38;2;r;g;b` take the groups that follow; `38:5:n` and `38:2::r:g:b` are whole.
      const isWhole = parts.length > 0;
      const rest = isWhole ? parts : groups.slice(at + 1, at + 5).map(([first]) => first);
      const count = rest[0] === 5 ? 2 : rest[0] === 2 ? 4 : 1;
      const color =
        rest[0] === 5 ? palette(rest[1]) : rest[0] === 2 ? direct(isWhole ? rest.slice(-3) : rest.slice(1)) : undefined;
      if (color !== undefined) next = { ...next, [layer]: color };
      if (!isWhole) at += count;
    } else if (code === 4 && parts[0] === 0) next = { ...next, underline: false };
    else next = { ...next, ...CHANGES.get(code) };
  }
  return next;
}

/** The 256 colours: the theme's sixteen, a cube of 6 x 6 x 6, and 24 greys. */
function palette(index: number | undefined): Color | undefined {
  if (!isByte(index)) return undefined;
  if (index < 16) return index;
  if (index >= 232) return direct(Array.from({ length: 3 }, () => 8 + (index - 232) * 10));
  const steps = [Math.floor((index - 16) / 36), Math.floor((index - 16) / 6) % 6, (index - 16) % 6];
  return direct(steps.map((step) => (step === 0 ? 0 : 55 + step * 40)));
}

function direct(channels: readonly (number | undefined)[]): Color | undefined {
  if (channels.length !== 3 || !channels.every(isByte)) return undefined;
  return `#${channels.map((channel) => channel.toString(16).padStart(2, "0")).join("")}`;
}

function isByte(value: number | undefined): value is number {
  return value !== undefined && Number.isInteger(value) && value >= 0 && value <= 255;
}
