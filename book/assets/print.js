// On paper a page is dark on white, and its code is unfolded, whatever the screen shows.
(() => {
  const root = document.documentElement;
  let theme = null;
  let opened = [];

  addEventListener("beforeprint", () => {
    if (theme === null) {
      theme = root.dataset.theme;
      opened = [...document.querySelectorAll("details:not([open])")];
    }
    root.dataset.theme = "light";
    for (const folded of opened) folded.open = true;
  });

  addEventListener("afterprint", () => {
    if (theme === null) return;
    root.dataset.theme = theme;
    for (const folded of opened) folded.open = false;
    theme = null;
  });
})();
