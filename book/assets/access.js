// What scrolls inside a page can be reached and scrolled by keys, and is named to who hears it.
(() => {
  const NAMES = {
    "pre": "Code or output",
    ".pst-scrollable-table-container": "Table",
    ".cell_output, .cell_output > .output": "Output",
    "div.math": "Formula",
  };

  function mark() {
    for (const [selector, name] of Object.entries(NAMES)) {
      for (const box of document.querySelectorAll(`main :is(${selector})`)) {
        const style = getComputedStyle(box);
        const scrolls =
          (box.scrollWidth > box.clientWidth && /auto|scroll/.test(style.overflowX)) ||
          (box.scrollHeight > box.clientHeight && /auto|scroll/.test(style.overflowY));
        if (scrolls) {
          box.tabIndex = 0;
          if (!box.hasAttribute("role")) box.setAttribute("role", "group");
          if (!box.hasAttribute("aria-label")) box.setAttribute("aria-label", name);
        } else if (box.getAttribute("aria-label") === name) {
          box.removeAttribute("tabindex");
        }
      }
    }
  }

  // A fold that opens makes the page longer.
  addEventListener("load", () => new ResizeObserver(mark).observe(document.querySelector("main")));
})();
