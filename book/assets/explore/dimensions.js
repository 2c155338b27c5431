// Dimensionality of features and of data points against T: of all trainings, the chosen one marked.
import { svg } from "../play/core.js";
import { chart, onResize, sizeAt } from "./axes.js";

/** Draw it in a box; `choose` hears of the T that a reader points at. */
export function dimensions(box, index, choose) {
  let series, axes, marks, last;

  function draw() {
    const { sizes, D } = series;
    axes = chart(box, { height: 230, sizes, low: 0, high: 1, digits: 2, tick: 0.25 });
    const { root, x, y } = axes;
    sizes.forEach((T, k) => {
      const ticks = (kind, aside) =>
        svg("path", { class: `tick ${kind}`, d: D[k][kind === "feature" ? "feature" : "point"].map(v => `M${x(T) + aside},${y(v)}h6`).join("") });
      root.append(ticks("example", -7), ticks("feature", 1));
    });
    marks = svg("g");
    root.append(marks);
    root.addEventListener("click", event =>
      choose({ T: sizeAt(sizes, x, event.clientX - root.getBoundingClientRect().left), step: null }));
    box.replaceChildren(root);
  }

  function show(state) {
    last = state;
    const wanted = index.series.get(state.reduction);
    if (series !== wanted) {
      series = wanted;
      draw();
    }
    const row = index.row(state);
    const at = axes.x(row.T);
    const dot = (kind, D, aside) => svg("circle", { cx: at + aside, cy: axes.y(D), r: 4.5, class: `chosen-D ${kind}` });
    const points = [row.point_D_max, row.point_D_median, row.point_D_min].filter(D => D !== null);
    marks.replaceChildren(
      svg("line", { x1: at, x2: at, y1: axes.top, y2: axes.bottom, class: "here" }),
      ...points.map(D => dot("example", D, -4)),
      ...[row.D1, row.D2, row.D3, row.D4, row.D5].map(D => dot("feature", D, 4)),
    );
    axes.root.setAttribute("role", "img");
    const told = points.length ? `data points have D from ${row.point_D_min.toFixed(3)} to ${row.point_D_max.toFixed(3)}, ` : "";
    axes.root.setAttribute("aria-label", `Dimensionality against T; here ${told}the five largest of features are ${row.D5.toFixed(3)} to ${row.D1.toFixed(3)}.`);
  }

  onResize(box, () => {
    if (!series) return;
    draw();
    show(last);
  });
  return show;
}
