// Before anything is drawn, so that the page does not flash in the other theme.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("accord.theme");
  } catch {
    // Storage may be forbidden; the system's theme is then taken.
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
