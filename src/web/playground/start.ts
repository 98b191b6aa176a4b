import { Playground } from "./playground.js";
import { listenForShortcuts } from "./shortcuts.js";

/** Makes the page work. */
export function start(): void {
  const playground = new Playground();
  listenForShortcuts({
    run: () => void playground.run(),
    cancel: () => {
      playground.cancel();
    },
    canCancel: () => playground.isPlaying,
  });
  void playground.keep();
}
