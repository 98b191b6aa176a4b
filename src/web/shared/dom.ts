/** The element of the page with this id. @throws Error when the page has none, which is a mistake in its html */
export function byId(id: string): HTMLElement {
  return byIdOf(id, HTMLElement);
}

/** The same for one of a certain kind, such as `HTMLInputElement`. @throws Error also when it is of another one */
export function byIdOf<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no element #${id} that is an ${kind.name}`);
  return found;
}

/** The first element in a part of the page that a selector names. @throws Error when there is none */
export function find(within: ParentNode, selector: string): HTMLElement {
  const found = within.querySelector(selector);
  if (!(found instanceof HTMLElement)) throw new Error(`the page has no element ${selector}`);
  return found;
}

type Child = Node | string;

/** Makes an element. Text is always text, never markup. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Sets a text only where it changes: pages are updated many times a second, and screen readers hear of every change. */
export function setText(target: Node, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** Sets an attribute only where it changes. */
export function setAttribute(target: Element, name: string, value: string): void {
  if (target.getAttribute(name) !== value) target.setAttribute(name, value);
}
