// A dial of ε from the sum to the mean: what stored trainings came to at each of its values.
import { el, load, number, powerOfTen, start, svg } from "../play/core.js";
import { longest, plane, spokes } from "../play/plane.js";

const WIDE = 340, HIGH = 180, EDGE = 44;
const { log10, max, min } = Math;
const digits = x => number(x, x < 10 ? 3 : 1);

start("dial", async box => {
  const { twins, marks } = await load("dial");
  let twin = twins[0], chosen = 0;

  const views = { columns: view("Columns of W", "feature"), hidden: view("Hidden vectors", "example") };
  const curve = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, width: "100%", role: "img" });
  const said = el("p", { role: "status" });
  const note = el("p", { class: "play-note" },
    "Under the dial: the test loss of every training (logarithmic axes), that of the one shown marked. Columns: the longest only, where there are many.");
  const dial = el("input", { type: "range", min: 0, step: 1, id: "dial-eps", style: `width: calc(${(1 - (2 * EDGE) / WIDE) * 100}% + 1rem); margin-left: calc(${(EDGE / WIDE) * 100}% - 0.5rem)`, oninput: () => turn(+dial.value) });
  const one = el("input", { type: "checkbox", id: "dial-one", onchange: () => turn(chosen) });
  const which = el("select", { id: "dial-twin", onchange: () => pick(twins[which.selectedIndex]) },
    ...twins.map(({ name }) => el("option", {}, name)));

  function view(name, kind) {
    const path = svg("path", { class: `spokes ${kind}` });
    const { picture } = plane({ role: "img" }, path);
    return { name, path, picture, caption: el("figcaption") };
  }

  /** What a value of the dial is near to: a name of `marks`, or nothing. */
  const named = ratio => Object.keys(marks).find(name => Math.abs(log10(marks[name] / ratio)) < 0.01);
  const power = ratio => powerOfTen(Math.round(log10(ratio)));

  const across = ratio => {
    const [low, high] = [twin.ratios[0], twin.ratios.at(-1)].map(log10);
    return EDGE + ((log10(ratio) - low) / (high - low)) * (WIDE - 2 * EDGE);
  };
  function up(loss) {
    const all = twin.losses.map(([, found]) => log10(found)), low = min(...all), high = max(...all);
    return HIGH - 40 - ((log10(loss) - low) / (high - low)) * (HIGH - 70);
  }

  function pick(found) {
    twin = found;
    dial.max = twin.ratios.length - 1;
    const losses = twin.losses.map(([, loss]) => loss), words = { "text-anchor": "middle" };
    curve.replaceChildren(
      ...Object.entries(marks).flatMap(([name, ratio]) => [
        svg("path", { class: "rule", d: `M${across(ratio)} 16V${HIGH - 30}` }),
        svg("text", { x: across(ratio), y: 12, ...words }, name),
      ]),
      ...twin.ratios.map(ratio => svg("text", { x: across(ratio), y: HIGH - 14, ...words }, power(ratio))),
      ...[min(...losses), max(...losses)].map(loss => svg("text", { x: 0, y: up(loss) + 4 }, digits(loss))),
      ...twin.losses.map(([ratio, loss]) => svg("circle", { class: "output", cx: across(ratio), cy: up(loss), r: 3 })),
      svg("circle", { class: "chosen", r: 7 }),
    );
    turn(min(chosen, twin.ratios.length - 1));
  }

  function turn(k) {
    chosen = k;
    const run = twin.runs[k], ratio = twin.ratios[k], like = named(ratio);
    for (const [of, { name, path, picture, caption }] of Object.entries(views)) {
      const own = longest(run[of]), reach = 1.05 * (one.checked ? max(...twin.runs.map(r => longest(r[of]))) : own);
      path.setAttribute("d", spokes(run[of], reach));
      caption.textContent = `${name}: the longest has length ${number(own, 2)}`;
      picture.setAttribute("aria-label", caption.textContent);
    }
    const dot = curve.lastElementChild;
    dot.setAttribute("cx", across(ratio));
    dot.setAttribute("cy", up(run.test_loss));
    curve.setAttribute("aria-label", `Test loss against ε ÷ (1 − S); here ${digits(run.test_loss)}`);
    const where = `ε ÷ (1 − S) = ${power(ratio)}${like ? `, where the ${like} is` : ""}`;
    dial.value = k;
    dial.setAttribute("aria-valuetext", where);
    said.textContent =
      `${where}: test loss ${digits(run.test_loss)}, ‖W‖ ${number(run.W_norm, 1)}. Training loss ${number(run.train_loss, 3)}; ` +
      `${number(run.in_part)} of ${number(run.T)} training points are given back by a tenth or more. Five features ${run.five_apart ? "" : "do not "}stand apart.`;
  }

  const figure = (...parts) => el("figure", {}, ...parts);
  box.append(
    el("div", { class: "play-row" }, el("label", { for: "dial-twin" }, "Training set"), which, one, el("label", { for: "dial-one" }, "one scale for all ε")),
    el("div", { class: "play-views" }, figure(el("label", { for: "dial-eps" }, "ε, from sum to mean"), dial, curve), figure(said, note)),
    el("div", { class: "play-views pair" }, ...Object.values(views).map(({ picture, caption }) => figure(picture, caption))),
  );
  chosen = max(0, twin.ratios.findIndex(ratio => named(ratio) === "sum"));
  pick(twin);
});
