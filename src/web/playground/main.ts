import "../shared/no-eval.js";
import { showThemeToggle } from "../shared/theme.js";
import { Playground } from "./playground.js";
import { listenForShortcuts } from "./shortcuts.js";

showThemeToggle();
const playground = new Playground();
listenForShortcuts({
  run: () => void playground.run(),
  cancel: () => {
    playground.cancel();
  },
  canCancel: () => playground.isPlaying,
});
void playground.keep();
