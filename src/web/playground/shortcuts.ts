export interface Shortcuts {
  run(): void;
  cancel(): void;
  /** Escape means cancel only while there is something to cancel; the editor has a use for it too. */
  canCancel(): boolean;
}

/** Keys that mean the same wherever the focus is. They are taken before the editor sees them. */
export function listenForShortcuts(shortcuts: Shortcuts): void {
  document.addEventListener(
    "keydown",
    (event) => {
      // What is being composed, and a dialog over the page, have their own use for these keys.
      if (event.isComposing || document.querySelector("dialog[open]") !== null) return;
      const isCommand = event.ctrlKey || event.metaKey;
      const isRun = isCommand && event.key === "Enter";
      const isCancel = (isCommand && event.key === ".") || (event.key === "Escape" && shortcuts.canCancel());
      if (!isRun && !isCancel) return;
      event.preventDefault();
      event.stopPropagation();
      if (isRun) shortcuts.run();
      else shortcuts.cancel();
    },
    { capture: true },
  );
}
