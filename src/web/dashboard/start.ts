// The page is painted before its program is read: on a slow processor that takes longer than everything else together.
requestAnimationFrame(() => {
  setTimeout(() => void import("./main.js"));
});
