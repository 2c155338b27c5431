// Four views of a training, in SVG: the loss, two planes of vectors, a point beside its output.

import { el, number, powerOfTen, svg } from "../play/core.js";

const frame = (width, height, label, ...inside) =>
  svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, ...inside);
const panel = (title, drawing, ...rest) => el("figure", {}, el("figcaption", {}, title), drawing, ...rest);

/** The loss against the step, both logarithmic, and the curve of the training before. */
export function lossView() {
  const W = 320, H = 200, left = 48, bottom = 30, now = svg("path", { class: "curve" }), before = svg("path", { class: "ghost" });
  const ticks = svg("g", { class: "ticks" }), drawing = frame(W, H, "Training loss against step", ticks, before, now);
  const draw = (curve, ghost, steps) => {
    const all = [...curve, ...ghost].map(([, loss]) => loss).filter(x => x > 0);
    const low = Math.floor(Math.log10(Math.min(0.1, ...all))), high = Math.max(0.3, Math.log10(Math.max(1, ...all)) + 0.1);
    const x = s => left + ((W - left - 8) * Math.log(Math.max(s, 1))) / Math.log(steps);
    const y = v => 8 + ((H - bottom - 8) * (high - Math.max(low, Math.log10(v)))) / (high - low);
    const path = points => points.map(([s, v], k) => `${k ? "L" : "M"}${x(s).toFixed(1)} ${y(v).toFixed(1)}`).join("");
    now.setAttribute("d", path(curve));
    before.setAttribute("d", path(ghost.filter(([s]) => s <= steps)));
    ticks.replaceChildren();
    const each = Math.ceil((high - low) / 4);
    for (let k = 0; k >= low; k -= each) ticks.append(svg("line", { x1: left, x2: W - 8, y1: y(10 ** k), y2: y(10 ** k) }), svg("text", { x: left - 5, y: y(10 ** k) + 4, "text-anchor": "end" }, k ? powerOfTen(k) : "1"));
    for (let s = 1; s <= steps; s *= 10) ticks.append(svg("text", { x: x(s), y: H - 16, "text-anchor": x(s) > W - 30 ? "end" : "middle" }, number(s)));
    ticks.append(svg("text", { x: (W + left) / 2, y: H - 2, "text-anchor": "middle" }, "step"));
  };
  return { node: panel("Training loss", drawing), draw };
}

/** Vectors from the origin, to a scale that all of them fit; a click chooses one. */
export function planeView(title, kind, choose) {
  const R = 140, lines = svg("path", { class: `${kind} faint` }), marked = svg("path", { class: `${kind} marked` });
  const ends = svg("g", {}), scale = svg("text", { x: -R + 2, y: R - 4 }), drawing = frame(2 * R, 2 * R, title, lines, marked, ends, scale);
  drawing.setAttribute("viewBox", `${-R} ${-R} ${2 * R} ${2 * R}`);
  const draw = (vectors, { chosen = [], kept, dots = false }) => {
    const most = Math.max(1e-9, ...vectors.map(([x, y]) => Math.hypot(x, y))), s = (R - 12) / most;
    const ray = ([x, y]) => `M0 0L${(s * x).toFixed(1)} ${(-s * y).toFixed(1)}`;
    lines.setAttribute("d", vectors.map(ray).join(""));
    marked.setAttribute("d", chosen.map(k => ray(vectors[k])).join(""));
    scale.textContent = `longest ${most.toPrecision(2)}`;
    ends.replaceChildren();
    if (dots) vectors.forEach(([x, y], k) => {
      const at = { class: `${kind} end${kept[k] < 2 ? " hollow" : ""}${chosen.includes(k) ? " picked" : ""}`, onclick: () => choose(k) };
      ends.append(kept[k] < 1
        ? svg("rect", { ...at, x: s * x - 5, y: -s * y - 5, width: 10, height: 10 })
        : svg("circle", { ...at, cx: s * x, cy: -s * y, r: 5 }));
    });
  };
  return { node: panel(title, drawing), draw, label: text => drawing.setAttribute("aria-label", text) };
}

/** The active features of a point, and where the output is largest elsewhere: x beside x′. */
export function outputView(picker) {
  const MORE = 4, W = 320, LINE = 17, drawing = frame(W, 100, "The chosen point beside the output");
  const key = el("p", { class: "live-key" }, el("span", { class: "of-point" }, "the point"), " ", el("span", { class: "of-output" }, "the output"));
  const draw = ({ W: w, b, h, batch }, i) => {
    const n = b.length, x = new Float64Array(n), out = b.map((c, j) => Math.max(0, c + w[j] * h[2 * i] + w[n + j] * h[2 * i + 1]));
    for (let k = batch.start[i]; k < batch.start[i + 1]; k++) x[batch.index[k]] = batch.value[k];
    const all = Array.from(x.keys()), active = all.filter(j => x[j]).sort((a, c) => x[c] - x[a]);
    const wrong = all.filter(j => !x[j] && out[j] > 0.005).sort((a, c) => out[c] - out[a]).slice(0, MORE);
    const rows = [...active, ...wrong], most = Math.max(0.5, ...rows.map(j => Math.max(x[j], out[j]))), s = (W - 100) / most;
    drawing.setAttribute("viewBox", `0 0 ${W} ${LINE * Math.max(1, rows.length) + 2}`);
    drawing.setAttribute("aria-label", `Point ${i + 1}: ${rows.map(j => `feature ${j} is ${x[j].toFixed(2)}, output ${out[j].toFixed(2)}`).join("; ")}`);
    drawing.replaceChildren(...rows.flatMap((j, k) => [
      svg("text", { x: 0, y: LINE * k + 12 }, `${x[j] ? "" : "false: "}${j}`),
      svg("rect", { class: "of-point", x: 62, y: LINE * k + 2, width: s * x[j], height: 6 }),
      svg("rect", { class: "of-output", x: 62, y: LINE * k + 8, width: s * out[j], height: 6 }),
      svg("text", { x: W, y: LINE * k + 12, "text-anchor": "end" }, out[j].toFixed(2)),
    ]));
  };
  return { node: panel("A point beside the output", drawing, key, picker), draw };
}
