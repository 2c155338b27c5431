// What a test loss is made of: bars from the loss of no output to that of the model.
import { el, number, svg } from "../play/core.js";
import { onResize, sentence } from "./axes.js";

const NAMES = {
  constant_gain: "a constant", feature_gain: "features present", false_firing: "features absent (false firing)",
};
const SAID = {
  constant_gain: "what it says whatever the input",
  feature_gain: "what it says of features that are there, beyond that",
  false_firing: "what it says of features that are not there, beyond that",
};
const SCALES = [1, 2, 5].flatMap(k => [1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100].map(u => k * u)).sort((a, b) => a - b);

// What rounds to zero has no sign.
const signed = (v, minus) => (v <= -5e-6 ? minus : "") + number(Math.abs(v), 5);

/** Draw them in a box. */
export function parts(box, index) {
  let last;

  function show(state) {
    last = state;
    const series = index.series.get(state.reduction);
    const chosen = index.row(state);
    const known = series.at(state.T).filter(row => row.false_firing !== null);
    if (!known.length) {
      box.replaceChildren(sentence("The losses of these trainings have not been taken apart."));
      return;
    }
    const of = chosen.false_firing === null ? known : [chosen];
    const mean = key => of.reduce((sum, row) => sum + row[key], 0) / of.length;
    // A gain lowers the loss, so as a part of it it has the other sign.
    const values = Object.keys(NAMES).map(key => [key, key === "false_firing" ? mean(key) : -mean(key)]);
    const total = values.reduce((sum, [, v]) => sum + v, 0);
    const scale = SCALES.find(s => values.every(([, v]) => Math.abs(v) <= s) && Math.abs(total) <= s) ?? 1e3;
    box.replaceChildren(drawing(values, total, scale), el("p", {}, words(of, chosen, series, total)));
  }

  function drawing(values, total, scale) {
    const width = Math.max(260, box.clientWidth), step = 44;
    const half = width / 2 - 8, middle = width / 2;
    const root = svg("svg", { width, height: 4 * step + 24, role: "img" });
    const rows = [...values, ["total", total]];
    rows.forEach(([key, v], k) => {
      const long = (half * Math.abs(v)) / scale, y = k * step + 18;
      const text = svg("text", { x: 0, y: y - 4 });
      text.append(key === "total" ? "together" : NAMES[key]);
      const value = svg("text", { x: width - 2, y: y - 4, "text-anchor": "end", "data-part": key });
      value.append(signed(v, "−"));
      const kind = key === "total" ? "whole" : v > 0 ? "cost" : "gain";
      root.append(text, value, svg("rect", { x: v > 0 ? middle : middle - long, y, width: Math.max(long, 0.5), height: 16, class: kind }));
    });
    root.append(svg("line", { x1: middle, x2: middle, y1: 16, y2: 4 * step, class: "axis" }));
    [[8, -scale, "start"], [middle, 0, "middle"], [width - 8, scale, "end"]].forEach(([x, v, anchor]) => {
      const tick = svg("text", { x, y: 4 * step + 16, "text-anchor": anchor, class: "muted" });
      tick.append(v === 0 ? "no output" : (v < 0 ? "−" : "+") + number(Math.abs(v), Math.max(0, -Math.floor(Math.log10(scale)))));
      root.append(tick);
    });
    root.setAttribute("aria-label", "The loss less that of no output: " + rows
      .map(([key, v]) => `${key === "total" ? "together" : SAID[key]}: ${signed(v, "minus ")}`).join("; ") + ".");
    return root;
  }

  function words(of, chosen, series, total) {
    const sum = `No output loses ${number(series.no_output, 4)}, and with these ${number(series.no_output + total, 4)}. `;
    return of.length === 1 && of[0] === chosen
      ? `${sum}Costs lie to the right, gains to the left.`
      : `${sum}(Means of ${of.length} other training${of.length > 1 ? "s" : ""} of this T: this one has not been taken apart.) Costs lie to the right, gains to the left.`;
  }

  onResize(box, () => last && show(last));
  return show;
}
