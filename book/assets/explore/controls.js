// The controls: T, which training, mean or sum, scale, and the film.
import { el, number } from "../play/core.js";

const still = matchMedia("(prefers-reduced-motion: reduce)");
const FRAME_MS = 220;

/** Make them; `change` hears of a wanted state, and whether the control has come to rest. */
export function controls(index, change, small) {
  let state, series, film, timer;
  const slider = el("input", {
    type: "range", min: 0, step: 1, id: small ? "explore-T-small" : "explore-T",
    oninput: () => change({ T: series.sizes[slider.valueAsNumber], step: null }, false),
    onchange: () => change({ T: series.sizes[slider.valueAsNumber], step: null }, true),
  });
  const size = el("output", { for: slider.id });
  const pick = (label, wanted) => {
    const select = el("select", { onchange: () => change({ ...wanted(select.value), step: null }, true) });
    return { select, root: el("label", {}, el("span", {}, label), select) };
  };
  const seed = pick("Training", seed => ({ seed: Number(seed) }));
  const reduction = pick("Trained on", reduction => ({ reduction }));
  reduction.select.append(...[...index.series.values()].map(one => el("option", { value: one.name }, one.title)));
  const scale = el("input", { type: "checkbox", onchange: () => change({ scale: scale.checked ? "common" : "own" }, true) });
  const play = el("button", { type: "button", onclick: toggle });
  const time = el("input", {
    type: "range", min: 0, "aria-label": "Step of the training",
    oninput: () => { stop(); step(time.valueAsNumber, false); }, onchange: () => step(time.valueAsNumber, true),
  });
  const at = el("output");
  // All trainings with a film, to choose from where the one that is shown has none.
  const films = [...index.series.values()].flatMap(one => one.rows.filter(row => row.film).map(row => [one, row]));
  const stories = pick("Films of trainings", k => {
    const [one, row] = films[k];
    return { reduction: one.name, T: row.T, seed: row.seed };
  });
  stories.select.append(el("option", { value: "", disabled: true }, films.length ? "choose one" : "none is stored"),
    ...films.map(([one, row], k) => el("option", { value: k }, filmName(one, row, index))));
  const filmBox = el("div", { class: "film" });

  const last = () => film.step.length - 1;
  const frame = () => (state.step === null ? last() : film.step.indexOf(state.step));
  const step = (k, rests) => change({ step: k === last() ? null : film.step[k] }, rests);

  function stop() {
    clearInterval(timer);
    timer = undefined;
    play.replaceChildren(still.matches ? "Next step" : "Play");
  }
  function toggle() {
    if (!film) return;
    if (timer) {
      stop();
      return change({}, true);
    }
    const next = () => step(frame() === last() ? 0 : frame() + 1, still.matches);
    next();
    if (still.matches) return; // a press is a step
    play.replaceChildren("Pause");
    timer = setInterval(() => {
      next();
      if (frame() === last()) {
        stop();
        change({}, true);
      }
    }, FRAME_MS);
  }
  stop();

  function label(now) {
    series = index.series.get(now.reduction);
    slider.max = series.sizes.length - 1;
    slider.value = series.sizes.indexOf(now.T);
    size.value = `T = ${number(now.T)}`;
    slider.setAttribute("aria-valuetext", size.value);
  }

  function show(now, story) {
    if (timer && (now.T !== state.T || now.seed !== state.seed || now.reduction !== state.reduction)) stop();
    state = now;
    label(state);
    if (small) return;
    const rows = series.at(state.T);
    seed.select.replaceChildren(...rows.map((row, k) => el("option", { value: row.seed, selected: row.seed === state.seed },
      `${k + 1} of ${rows.length}: test loss ${number(row.test_loss, 4)}${row.film ? ", with a film" : ""}`)));
    reduction.select.value = state.reduction;
    scale.checked = state.scale === "common";
    film = story;
    if (film) {
      time.max = last();
      time.value = frame();
      at.value = `step ${number(film.step[frame()])} of ${number(series.steps)}`;
      time.setAttribute("aria-valuetext", at.value);
      if (!filmBox.contains(play)) filmBox.replaceChildren(el("span", { class: "name" }, "Time"), play, time, at);
    } else {
      const missing = index.row(state).film ? "The film of this training is missing. " : "";
      filmBox.replaceChildren(el("span", { class: "name" }, "Time"), missing, stories.root);
      stories.select.value = "";
    }
  }

  const wide = el("div", { class: "wide" }, el("label", { for: slider.id }, el("span", {}, "Data points"), size), slider);
  const rest = small ? "" : el("div", { class: "controls" },
    el("div", { class: "row" }, seed.root, reduction.root, el("label", { class: "check" }, scale, el("span", {}, "one scale for all T"))),
    filmBox);
  return { roots: [wide, rest], label, show, toggle };
}

/** What a film is called where one is chosen. */
function filmName(one, row, index) {
  const of = `T = ${number(row.T)}`;
  if (one.name === index.first) return of;
  if (one.name === "sum") return `${of} on the sum`;
  return `near misses: ${of}${row.repeats > 1 ? `, one example ${row.repeats} times` : ""}`;
}
