import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import {
  bracketMatching,
  HighlightStyle,
  indentOnInput,
  indentUnit,
  StreamLanguage,
  syntaxHighlighting,
} from "@codemirror/language";
import { python } from "@codemirror/legacy-modes/mode/python";
import { shell } from "@codemirror/legacy-modes/mode/shell";
import { EditorState, type Extension } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";

const LANGUAGES: ReadonlyMap<string, Extension> = new Map<string, Extension>([
  ["python", [StreamLanguage.define(python), indentUnit.of("    ")]],
  ["shell", [StreamLanguage.define(shell), indentUnit.of("  ")]],
]);

const LOOK = EditorView.theme({
  "&": { height: "100%", color: "var(--ink)", backgroundColor: "var(--surface)" },
  "&.cm-focused": { outline: "2px solid var(--focus)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", fontSize: "13px", lineHeight: "1.55" },
  ".cm-content": { padding: "10px 0", caretColor: "var(--accent)" },
  ".cm-line": { padding: "0 12px 0 8px" },
  ".cm-gutters": { color: "var(--muted)", backgroundColor: "var(--surface)", border: "none" },
  ".cm-lineNumbers .cm-gutterElement": { minWidth: "40px", padding: "0 8px 0 12px" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--active-line)" },
  ".cm-activeLineGutter": { color: "var(--ink)" },
  ".cm-cursor": { borderLeft: "2px solid var(--accent)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--selection) !important" },
  ".cm-matchingBracket": { backgroundColor: "var(--selection) !important", outline: "none" },
});

const COLOURS = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: "var(--code-keyword)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--code-string)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "var(--code-number)" },
  { tag: tags.comment, color: "var(--muted)", fontStyle: "italic" },
  { tag: [tags.definition(tags.variableName), tags.function(tags.variableName)], color: "var(--code-name)" },
  { tag: [tags.standard(tags.variableName), tags.standard(tags.name), tags.typeName], color: "var(--code-builtin)" },
  { tag: [tags.meta, tags.attributeName], color: "var(--code-builtin)" },
  { tag: tags.invalid, color: "var(--bad)" },
]);

/**
 * Typing over selected text: left to itself the browser gives the new text the old one's look, by an inline style, which the
 * page's policy forbids.
 */
function replaceSelection(event: InputEvent, view: EditorView): boolean {
  const { data, inputType, isComposing } = event;
  if (inputType !== "insertText" || data === null || isComposing || view.state.selection.main.empty) return false;
  view.dispatch(view.state.replaceSelection(data), { scrollIntoView: true, userEvent: "input.type" });
  event.preventDefault();
  return true;
}

/** The program's editor, under a shadow root: only there does it take its styles in a way that the page's policy allows. */
export class Editor {
  readonly #view: EditorView;
  readonly #changed: (code: string) => void;

  constructor(host: HTMLElement, changed: (code: string) => void) {
    this.#changed = changed;
    const root = host.attachShadow({ mode: "open" });
    this.#view = new EditorView({ parent: root, root, state: this.#stateOf("", "") });
  }

  get code(): string {
    return this.#view.state.doc.toString();
  }

  /** Another program, with a history of its own. */
  open(code: string, language: string): void {
    this.#view.setState(this.#stateOf(code, language));
  }

  /** Another program in place of this one, which undoing brings back. */
  replace(code: string): void {
    this.#view.dispatch({
      changes: { from: 0, to: this.#view.state.doc.length, insert: code },
      selection: { anchor: 0 },
    });
  }

  focus(): void {
    this.#view.focus();
  }

  #stateOf(code: string, language: string): EditorState {
    return EditorState.create({
      doc: code,
      extensions: [
        lineNumbers(),
        highlightActiveLineGutter(),
        highlightActiveLine(),
        highlightSpecialChars(),
        history(),
        drawSelection(),
        indentOnInput(),
        bracketMatching(),
        keymap.of([...defaultKeymap, ...historyKeymap, indentWithTab]),
        LOOK,
        syntaxHighlighting(COLOURS),
        LANGUAGES.get(language) ?? [],
        EditorView.contentAttributes.of({
          "aria-label": "Program",
          "aria-description": "Escape, then Tab, leaves the editor",
          spellcheck: "false",
          autocapitalize: "off",
        }),
        EditorView.domEventHandlers({ beforeinput: replaceSelection }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) this.#changed(update.state.doc.toString());
        }),
      ],
    });
  }
}
