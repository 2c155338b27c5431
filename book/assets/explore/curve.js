// Test loss against T: a dot for every training, the chosen one marked, regimes shaded.
import { el, number, svg } from "../play/core.js";
import { chart, onResize, sizeAt } from "./axes.js";

/** Draw it in a box; `choose` hears of the training that a reader points at. */
export function curve(box, index, choose, { height = 300 } = {}) {
  let series, axes, mark, path, last;

  function draw() {
    const { window: [low, high], sizes, rows, borders, no_output, constant } = series;
    axes = chart(box, { height, sizes, low, high, digits: 2, tick: 0.01 });
    const { root, x, y, text, line, left, right, top, bottom } = axes;
    const shade = (from, to, kind, at, anchor) => {
      if (!(to > from)) return;
      root.append(svg("rect", { x: from, y: top, width: to - from, height: bottom - top, class: `shade ${kind}` }));
      const words = kind === "example" ? ["data points", "are stored"] : ["features", "are stored"];
      if (to - from > 70) words.forEach((word, k) => text(word, at, top + 14 + 14 * k, { "text-anchor": anchor, class: kind }));
    };
    const clear = at => (at === null ? null : Math.min(Math.max(x(at), left), right));
    const [one, two] = borders.map(clear);
    // Few points are seldom near the border at the top.
    if (one !== null) shade(left, one, "example", one - 5, "end");
    if (two !== null) shade(two, right, "feature", (two + right) / 2, "middle");
    let free = 0;
    for (const [value, words] of [[no_output, ["no output"]], [constant, ["best", "constant"]]]) {
      if (value < low || value > high) continue;
      line(left, y(value), right, y(value), { class: "baseline" });
      const at = Math.max(free, y(value) + 4);
      words.forEach((word, k) => text(word, right + 9, at + 13 * k, { class: "muted" }));
      free = at + 13;
    }
    const mean = T => series.at(T).reduce((sum, row) => sum + row.test_loss, 0) / series.at(T).length;
    root.append(svg("polyline", { points: sizes.map(T => `${x(T)},${y(mean(T))}`).join(" "), class: "mean" }));
    for (const row of rows) {
      const beyond = row.test_loss > high;
      const at = [x(row.T), y(row.test_loss)];
      root.append(beyond
        ? svg("path", { d: `M${at[0] - 4},${at[1] + 5}h8l-4,-7z`, class: "dot" })
        : svg("circle", { cx: at[0], cy: at[1], r: 2.6, class: "dot" }));
    }
    path = svg("polyline", { class: "path" });
    mark = svg("circle", { r: 7, class: "chosen" });
    root.append(path, mark);
    root.addEventListener("click", event => {
      const at = root.getBoundingClientRect();
      const T = sizeAt(sizes, x, event.clientX - at.left);
      const down = event.clientY - at.top;
      const near = row => Math.abs(y(row.test_loss) - down);
      choose({ T, seed: series.at(T).reduce((best, row) => (near(row) < near(best) ? row : best)).seed, step: null });
    });
    box.replaceChildren(root);
  }

  function show(state, film, frame) {
    last = [state, film, frame];
    const wanted = index.series.get(state.reduction);
    if (series !== wanted) {
      series = wanted;
      draw();
    }
    const row = index.row(state);
    const loss = film && frame !== null ? film.test[frame] : row.test_loss;
    mark.setAttribute("cx", axes.x(row.T));
    mark.setAttribute("cy", axes.y(loss));
    const told = film ? film.test.slice(0, (frame ?? film.test.length - 1) + 1) : [];
    path.setAttribute("points", told.map(v => `${axes.x(row.T)},${axes.y(v)}`).join(" "));
    const beyond = loss > axes.high ? ", beyond the axis" : "";
    axes.root.setAttribute("role", "img");
    axes.root.setAttribute("aria-label", `Test loss of ${series.rows.length} trainings against T; the chosen one has ${number(loss, 4)}${beyond}.`);
  }

  onResize(box, () => {
    if (!series) return;
    draw();
    show(...last);
  });
  return show;
}
