// A volume knob on one test point: its features beside the outputs, and its error over the volume.
import { el, load, number, start, svg } from "../play/core.js";

const WIDE = 340, HIGH = 200, EDGE = 56;
const { abs, max, min } = Math;
/** The loss of the output times the volume, from sums (or their means) of squares and products. */
const loss = ({ xx, xr, rr }, volume) => xx - 2 * volume * xr + volume ** 2 * rr;
const best = ({ xr, rr }) => (rr > 0 ? min(1, max(0, xr / rr)) : 0);
const digits = x => number(x, x < 10 ? 3 : 1);

start("volume", async box => {
  const { points, mean, tests } = await load("volume");
  let point = points[0];

  const bars = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, width: "100%", role: "img" });
  const views = [graph("Squared error of this test point", digits), graph(`Mean over all ${number(tests)} test points`, x => number(x, 5))];
  const said = el("p", { role: "status" });
  const note = el("p", { class: "play-note" },
    "Filled bars: the features of this test point. Hollow: the outputs. Below: squared error over the volume; an upright stroke marks the least.");
  const knob = el("input", { type: "range", min: 0, max: 1, step: 0.01, value: 1, id: "volume-knob", oninput: () => turn() });
  const which = el("select", { id: "volume-point", onchange: () => pick(points[which.selectedIndex]) },
    ...points.map(({ name }) => el("option", {}, name)));

  function graph(name, words) {
    return { name, words, picture: svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, width: "100%", role: "img" }), caption: el("figcaption") };
  }

  /** The loss over the volume, its minimum, the loss of no output, and the volume chosen. */
  function plot({ name, words, picture, caption }, sums, volume) {
    const least = best(sums), low = loss(sums, least), high = max(loss(sums, 0), loss(sums, 1));
    const across = v => EDGE + v * (WIDE - EDGE - 12), up = y => HIGH - 34 - ((y - low) / (high - low || 1)) * (HIGH - 60);
    const at = v => `${across(v)} ${up(loss(sums, v))}`;
    const curve = Array.from({ length: 101 }, (_, k) => `${"ML"[+(k > 0)]}${at(k / 100)}`).join("");
    picture.replaceChildren(
      svg("path", { class: "rule", d: `M${EDGE} ${up(sums.xx)}H${WIDE}` }),
      svg("text", { x: WIDE - 12, y: up(sums.xx) - 5, "text-anchor": "end" }, "no output"),
      svg("path", { class: "curve", d: curve }),
      svg("path", { class: "curve", d: `M${across(least)} ${up(low) - 7}v14` }),
      svg("circle", { class: "chosen", cx: across(volume), cy: up(loss(sums, volume)), r: 6 }),
      ...[low, high].map(y => svg("text", { x: 0, y: up(y) + 4 }, words(y))),
      ...[0, 0.5, 1].map(v => svg("text", { x: across(v), y: HIGH - 10, "text-anchor": "middle" }, String(v))),
    );
    caption.textContent = `${name}: ${words(loss(sums, volume))}; least at volume ${number(least, 2)}, ${words(low)}`;
    picture.setAttribute("aria-label", caption.textContent);
  }

  /** Features beside outputs, and what is put out for features that are absent. */
  function draw(volume) {
    const { x, r, absent } = point, count = x.length + absent.length + 1, step = WIDE / count;
    const top = max(...x, ...r, ...absent), up = y => (y / top) * (HIGH - 40), base = HIGH - 22;
    const bar = (kind, k, half, y) =>
      svg("rect", { class: kind, x: (k + 0.1 + 0.4 * half) * step, y: base - up(y), width: 0.4 * step, height: up(y) });
    const words = (from, to, text) => svg("text", { x: ((from + to) / 2) * step, y: HIGH - 5, "text-anchor": "middle" }, text);
    bars.replaceChildren(
      svg("path", { class: "axis", d: `M0 ${base}H${WIDE}` }),
      ...Array.from(x, (y, k) => bar("feature", k, 0, y)),
      ...Array.from(r, (y, k) => bar("output", k, 1, volume * y)),
      ...Array.from(absent, (y, k) => bar("output", x.length + 1 + k, 1, volume * y)),
      words(0, x.length, "present"),
      words(x.length + 1, count, `absent: the loudest of ${number(point.fires)}`),
    );
    bars.setAttribute("aria-label",
      `${x.length} features present, the largest ${number(max(...x), 2)}; the largest output for one of them is ${number(volume * max(...r), 2)}, ` +
      `and for an absent feature ${number(volume * max(...absent), 2)}`);
  }

  function pick(found) {
    point = found;
    turn();
  }

  function turn() {
    const volume = +knob.value, found = loss(point, volume), none = point.xx;
    draw(volume);
    plot(views[0], point, volume);
    plot(views[1], mean, volume);
    said.textContent =
      `Volume ${number(volume, 2)}: squared error ${digits(found)}, ` +
      (abs(found - none) < 5e-4 ? "as with no output" : `${digits(abs(found - none))} ${found > none ? "more" : "less"} than with no output`) +
      `; mean over all test points ${number(loss(mean, volume), 5)}.`;
  }

  box.append(
    el("div", { class: "play-row" }, el("label", { for: "volume-point" }, "Test point, by its output"), which),
    el("div", { class: "play-row" }, el("label", { for: "volume-knob" }, "Volume"), knob),
    el("div", { class: "play-views" }, el("figure", {}, bars), el("figure", {}, said, note)),
    el("div", { class: "play-views" }, ...views.map(({ picture, caption }) => el("figure", {}, picture, caption))),
  );
  turn();
});
