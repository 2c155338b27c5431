// The explorer: one control, T, and linked views of the model that was trained on so many points.
import { el, number, start } from "../play/core.js";
import { controls } from "./controls.js";
import { curve } from "./curve.js";
import { dimensions } from "./dimensions.js";
import { frameOf, loadFilm, loadIndex, loadModel, regime } from "./data.js";
import { parts } from "./parts.js";
import { longest } from "../play/plane.js";
import { planes } from "./plane.js";
import { address, fromAddress, isState, mend, toAddress } from "./state.js";

const FULL = "explore.html"; // beside all chapters

start("explore", async (box, { form }) => {
  const small = form === "small";
  const index = await loadIndex();
  const view = (name, title, ...more) => {
    const place = el("div", { class: "place" });
    return { place, root: el("section", { class: `view ${name}`, "aria-label": title }, el("div", { class: "name" }, title), place, ...more) };
  };
  const told = small ? null : el("div", { class: "told" });
  const views = { curve: view("curve", "Test loss"), plane: view("plane", "The model", ...(told ? [told] : [])) };
  if (!small) {
    views.dimensions = view("dimensions", "Dimensionality D");
    views.parts = view("parts", "What the loss is made of");
  }
  const spoken = el("p", { class: "spoken", "aria-live": "polite" });
  const link = small ? el("p", {}, el("a", { href: FULL }, "Open this in the explorer")) : "";
  const panel = controls(index, change, small);
  box.append(...panel.roots, spoken, el("div", { class: "views" }, ...Object.values(views).map(one => one.root)), link);

  const choose = wanted => change(wanted, true);
  const show = {
    curve: curve(views.curve.place, index, choose, { height: small ? 210 : 250 }),
    plane: planes(views.plane.place, index, told),
    dimensions: small ? null : dimensions(views.dimensions.place, index, choose),
    parts: small ? null : parts(views.parts.place, index),
  };

  let state = small ? mend({}, index) : fromAddress(isState(location.hash) ? location.hash : "", index);
  const kept = small ? null : address(index, found => update(found));
  let models = {}, shown = 0, speak;

  function change(wanted, rests) {
    const next = mend({ ...state, ...wanted }, index);
    update(next);
    kept?.[rests ? "keep" : "show"](next);
  }

  async function update(next) {
    state = next;
    const mine = ++shown, name = JSON.stringify([state.reduction, state.T, state.seed]);
    // What is at hand is shown at once, so that views stay together while a film runs.
    if (models.name !== name) {
      // All but the vectors is known already; they may take a while to come.
      panel.label(state);
      if (state.step === null) show.curve(state, null, null);
      show.dimensions?.(state);
      show.parts?.(state);
      const row = index.row(state);
      const [model, film] = await Promise.allSettled([loadModel(state), row.film && !small ? loadFilm(state) : null]);
      if (mine !== shown) return;
      models = { name, model: model.value, film: film.value, error: model.reason?.message };
      if (models.film) models.film.widest = { columns: longest(models.film.columns), hidden: longest(models.film.hidden) };
    }
    const { model, film, error } = models;
    let frame = null;
    if (state.step !== null && film) {
      frame = film.step.reduce((best, step, k) => (Math.abs(step - state.step) < Math.abs(film.step[best] - state.step) ? k : best), 0);
      state.step = film.step[frame];
    }
    panel.show(state, film);
    show.curve(state, film, frame);
    const why = error && `The vectors of this training cannot be shown: ${error}`;
    const drawn = frame === null || !model ? null : { ...frameOf(film, frame), widest: film.widest };
    show.plane(state, model, drawn, why);
    show.dimensions?.(state);
    show.parts?.(state);
    if (small) link.firstChild.href = FULL + toAddress(state, index);
    clearTimeout(speak);
    speak = setTimeout(() => spoken.replaceChildren(sentence(film, frame)), film && frame !== null ? 600 : 250);
    box.dataset.state = toAddress(state, index);
  }

  function sentence(film, frame) {
    const series = index.series.get(state.reduction), rows = series.at(state.T), row = index.row(state);
    const which = `T = ${number(state.T)}, training ${rows.indexOf(row) + 1} of ${rows.length} on ${series.name === "sum" ? "the sum" : series.name === "mean" ? "the mean" : "short schedules"} (n = ${number(series.n)})`;
    const repeated = row.repeats > 1 ? `, one example ${row.repeats} times` : "";
    const when = frame === null ? "" : ` at step ${number(film.step[frame])}`;
    const loss = frame === null ? row.test_loss : film.test[frame];
    const train = frame === null ? row.train_loss : film.train[frame];
    const where = regime(series, state.T);
    return `${which}${repeated}${when}: test loss ${number(loss, 4)}, training loss ${number(train, 4)}${where ? `; ${where}` : ""}.`;
  }

  if (!small) {
    box.addEventListener("keydown", event => {
      if (event.key !== " " || event.target.matches("button, select, input[type=checkbox], a")) return;
      event.preventDefault();
      panel.toggle();
    });
  }
  await update(state);
});
