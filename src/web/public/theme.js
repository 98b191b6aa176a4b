// @ts-check
// Runs before anything is drawn, so that a page never flashes in the other theme. The toggle is shared/theme.ts.
try {
  const theme = localStorage.getItem("matchbox.theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset["theme"] = theme;
} catch {
  // Storage is switched off: the system's preference holds.
}
