// Hidden vectors to drag, and the pairs of them that break the condition of exact memorisation.
import { el, number, start, svg } from "../play/core.js";
import { SIDE, place, plane } from "../play/plane.js";

const REACH = 4, FEWEST = 3, MOST = 9, ROUNDING = 1e-9, ROOM = 1.001;
const UNIT = SIDE / 2 / REACH;
const { acos, atan2, cos, hypot, max, PI, random, sin, SQRT2 } = Math;

const dot = (h, g) => h[0] * g[0] + h[1] * g[1];
const at = (angle, length) => [length * cos(angle), length * sin(angle)];
/** Whether the features of the point at g are silent when the one at h is shown. */
const silent = (h, g) => dot(h, g) <= dot(g, g) - 1 + ROUNDING;

/** The pairs that break the condition, as numbers from 0. */
const broken = points =>
  points.flatMap((h, k) => points.slice(0, k).flatMap((g, l) => (silent(h, g) && silent(g, h) ? [] : [[l, k]])));

const polygon = T =>
  Array.from({ length: T }, (_, k) => at(PI / 2 + (2 * PI * k) / T, ROOM / Math.sqrt(1 - cos((2 * PI) / T))));

/** All but two points side by side on a circle, and two short ones opposite. */
function fan(T) {
  const short = ROOM * SQRT2, step = r => ROOM * acos(1 - 1 / r ** 2);
  const apart = r => step(short) + 2 * acos((short ** 2 - 1) / (short * r)) + (T - 3) * step(r);
  let r = 2;
  while (apart(r) > 2 * PI) r += 0.01;
  const outer = Array.from({ length: T - 2 }, (_, k) => at(PI / 2 + step(r) * (k - (T - 3) / 2), r));
  return [...outer, at(-PI / 2 - step(short) / 2, short), at(-PI / 2 + step(short) / 2, short)];
}

const anywhere = () => at(2 * PI * random(), 0.5 + 2 * random());

start("points", box => {
  const shade = svg("g", { class: "shade" }), lines = svg("path", { class: "broken" }), dots = svg("g");
  const { picture } = plane({ role: "group", "aria-label": "Hidden vectors, to be moved" }, shade, lines, dots);
  const said = el("p", { role: "status" });
  const note = el("p", { class: "play-note" }, "Drag a point, or choose it with Tab and move it with the arrow keys (Shift: in small steps). Thick lines: pairs that break the condition. Shaded: where no other point may be beside the one that you hold.");
  let points = polygon(5).map(([x, y]) => [x / 1.2, y / 1.2]), held = -1;

  function draw() {
    const pairs = broken(points), T = points.length;
    const whole = points.filter(h => points.every(g => g === h || silent(h, g))).length;
    lines.setAttribute("d", pairs.map(pair => pair.map((k, i) => "ML"[i] + points[k].map(x => x * UNIT)).join("")).join(""));
    points.forEach(([x, y], k) => {
      const dotted = dots.children[k], breaks = pairs.some(pair => pair.includes(k));
      dotted.setAttribute("transform", `translate(${x * UNIT} ${y * UNIT})`);
      dotted.firstChild.setAttribute("d", `M0 0L${-x * UNIT} ${-y * UNIT}`);
      dotted.classList.toggle("breaks", breaks);
      dotted.setAttribute("aria-label", `Point ${k + 1} at ${number(x, 2)}, ${number(y, 2)}${breaks ? ": breaks the condition" : ""}`);
      Object.assign(dotted.dataset, { x, y });
    });
    shade.replaceChildren(...(held < 0 ? [] : forbidden(points[held])));
    picture.dataset.pairs = JSON.stringify(pairs);
    const names = pairs.length > 6 ? "" : ` (${pairs.map(([l, k]) => `${l + 1} and ${k + 1}`).join(", ")})`;
    said.textContent =
      (pairs.length === 0 ? `No pair breaks the condition: all ${T} points are memorised. `
        : `${pairs.length} of ${(T * (T - 1)) / 2} pairs break the condition${names}; ${whole} of ${T} points are memorised. `) +
      `The longest vector has length ${number(max(...points.map(h => hypot(...h))), 2)}.`;
    fewer.disabled = T <= FEWEST;
    more.disabled = T >= MOST;
  }

  /** Where no other point may be beside h: beyond a line, and in a circle. */
  function forbidden(h) {
    const length = hypot(...h), line = max(-2 * SIDE, (length - 1 / length) * UNIT);
    return [
      svg("rect", { x: line, y: -4 * SIDE, width: 8 * SIDE, height: 8 * SIDE, transform: `rotate(${(atan2(h[1], h[0]) * 180) / PI})` }),
      svg("circle", { cx: (h[0] / 2) * UNIT, cy: (h[1] / 2) * UNIT, r: Math.sqrt(1 + length ** 2 / 4) * UNIT }),
    ];
  }

  function move(k, [x, y]) {
    const inside = v => max(-REACH, Math.min(REACH, v));
    points[k] = [inside(x), inside(y)];
    draw();
  }

  function handle(k) {
    const name = svg("text", { transform: "scale(1 -1)", "text-anchor": "middle", dy: "0.35em", "aria-hidden": "true" }, String(k + 1));
    const dotted = svg("g", { class: "point", tabindex: 0, role: "button", "aria-roledescription": "point to be moved" },
      svg("path", { class: "example" }), svg("circle", { class: "reach", r: 22 }), svg("circle", { class: "example", r: 9 }), name);
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    dotted.addEventListener("keydown", event => {
      const arrow = arrows[event.key];
      if (!arrow) return;
      event.preventDefault();
      move(k, points[k].map((v, i) => v + arrow[i] * (event.shiftKey ? 0.01 : 0.1)));
    });
    dotted.addEventListener("pointerdown", event => (dotted.setPointerCapture(event.pointerId), dotted.focus()));
    dotted.addEventListener("pointermove", event => dotted.hasPointerCapture(event.pointerId) && move(k, place(picture, event, REACH)));
    dotted.addEventListener("focus", () => ((held = k), draw()));
    dotted.addEventListener("blur", () => ((held = -1), draw()));
    return dotted;
  }

  function set(found) {
    points = found;
    held = -1;
    dots.replaceChildren(...points.map((_, k) => handle(k)));
    draw();
  }
  const button = (words, make) => el("button", { type: "button", onclick: () => set(make(points.length)) }, words);
  const fewer = button("Remove a point", T => points.slice(0, T - 1)), more = button("Add a point", () => [...points, anywhere()]);
  box.append(
    el("div", { class: "play-row" }, button("Regular polygon", polygon), button("Fan", fan), button("Random", T => Array.from({ length: T }, anywhere)), fewer, more),
    el("div", { class: "play-views" }, el("figure", {}, picture), el("figure", {}, said, note)),
  );
  set(points);
});
