// The axis of T that two views share: logarithmic, with ∞ at its right end.
import { el, number, svg } from "../play/core.js";

export const short = T => (T === Infinity ? "∞" : T >= 1000 ? `${T / 1000}k` : String(T));

/** A chart of a width and height: places on the axis of T and on a linear one, with ticks. */
export function chart(box, { height, sizes, low, high, digits, tick }) {
  const width = Math.max(260, box.clientWidth);
  const left = 46, right = width - 70, top = 10, bottom = height - 38;
  const finite = sizes.filter(T => T < Infinity);
  const first = Math.log(finite[0] / 1.3), last = Math.log(finite.at(-1) * 1.3);
  const end = sizes.includes(Infinity) ? right - Math.min(48, 0.09 * (right - left)) : right;
  const x = T => (T === Infinity ? right : left + ((end - left) * (Math.log(T) - first)) / (last - first || 1));
  const y = v => bottom - ((bottom - top) * (Math.min(Math.max(v, low), high) - low)) / (high - low);
  const root = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
  const text = (words, at, down, given = {}) => {
    const made = svg("text", { x: at, y: down, ...given });
    made.append(words);
    root.append(made);
    return made;
  };
  const line = (x1, y1, x2, y2, given = {}) => root.append(svg("line", { x1, y1, x2, y2, class: "axis", ...given }));
  line(left, bottom, right, bottom);
  line(left, top, left, bottom);
  let free = -Infinity;
  for (const T of sizes) {
    line(x(T), bottom, x(T), bottom + 4);
    if (x(T) - free < 26) continue;
    text(short(T), x(T), bottom + 17, { "text-anchor": "middle" });
    free = x(T);
  }
  text("number of data points T", (left + right) / 2, height - 4, { "text-anchor": "middle", class: "muted" });
  for (let v = Math.ceil(low / tick - 1e-9) * tick; v <= high + 1e-9; v += tick) {
    line(left - 4, y(v), left, y(v));
    text(number(Math.abs(v) < 1e-9 ? 0 : v, digits), left - 7, y(v) + 4, { "text-anchor": "end" });
  }
  return { root, x, y, line, text, left, right, top, bottom, low, high };
}

/** The nearest size to a place on the axis. */
export function sizeAt(sizes, x, at) {
  return sizes.reduce((best, T) => (Math.abs(x(T) - at) < Math.abs(x(best) - at) ? T : best));
}

/** Call back with a view's own box whenever its width changes. */
export function onResize(box, run) {
  let last = 0;
  new ResizeObserver(() => {
    if (box.clientWidth !== last) run((last = box.clientWidth));
  }).observe(box);
}

/** One sentence where a view would stand. */
export const sentence = words => el("p", { class: "missing" }, words);
