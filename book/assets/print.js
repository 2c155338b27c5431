// On paper a page is dark on white, whatever the screen shows. Folded code stays folded, unless the
// address ends in ?code, which unfolds all of it.
(() => {
  const root = document.documentElement;
  let theme = null;

  addEventListener("beforeprint", () => {
    theme ??= root.dataset.theme;
    root.dataset.theme = "light";
  });

  addEventListener("afterprint", () => {
    if (theme !== null) root.dataset.theme = theme;
    theme = null;
  });

  if (new URLSearchParams(location.search).has("code")) {
    addEventListener("DOMContentLoaded", () => {
      for (const fold of document.querySelectorAll("div.cell details.hide")) fold.open = true;
    });
  }
})();
