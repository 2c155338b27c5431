// The live model: settings and address, controls, a worker that trains, and what it shows.

import { el, load, number, powerOfTen, start } from "../play/core.js";
import { kept, sayFeatures, sayPoints } from "./words.js";
import { lossView, outputView, planeView } from "./views.js";
import text from "./worker.js?text";

const MOST = 100; // the largest T; one further on the slider is ∞
const log = (low, high, value) => ({ min: low, max: high, step: 0.25, to: k => Number((10 ** k).toPrecision(2)), from: x => Math.log10(Math.max(x, 0)), value });
const power = x => {
  const [digits, k] = x.toExponential(1).replace(".0e", "e").split("e");
  return x >= 1e-2 ? String(x) : digits === "1" ? powerOfTen(Number(k)) : `${digits} · ${powerOfTen(Number(k))}`;
};

start("live", async box => {
  const data = await load("live"), { n, rules, usual } = data;
  const plain = { to: Number, from: Number, step: 1 };
  const KEYS = {
    T: { label: "T, training points", min: 1, max: MOST + 1, step: 1, to: k => (k > MOST ? Infinity : Number(k)), from: x => (x === Infinity ? MOST + 1 : x), value: usual.T, say: number },
    seed: { label: "seed of points and weights", ...plain, min: 0, max: 99, value: usual.seed, say: String },
    lr: { label: "learning rate", ...log(-4, -1.5, usual.lr), say: power },
    decay: { label: "weight decay", ...log(-4, 0, usual.decay), say: power },
    eps: { label: "ε of the sum", ...log(-8, -1, usual.eps), say: x => `${power(x)} (${power(x / n)} of the mean)` },
    steps: { label: "steps", ...log(2, 5, usual.steps), to: k => Math.round(Number((10 ** k).toPrecision(1))), say: number },
  };
  KEYS.steps.step = 0.1;
  const bounded = (key, x) => (Number.isNaN(x) ? KEYS[key].value : KEYS[key].from(x) < KEYS[key].min ? KEYS[key].to(KEYS[key].min) : KEYS[key].from(x) > KEYS[key].max ? KEYS[key].to(KEYS[key].max) : x);
  const read = hash => {
    const asked = new URLSearchParams(hash.slice(1)), of = key => (asked.get(key) === "inf" ? Infinity : asked.has(key) ? Number(asked.get(key)) : NaN);
    const found = Object.fromEntries(Object.keys(KEYS).map(key => [key, bounded(key, of(key))]));
    return { ...found, T: found.T > MOST ? Infinity : Math.round(found.T), seed: Math.round(found.seed), steps: Math.round(found.steps) };
  };
  const write = s => `#${Object.entries(s).map(([key, x]) => `${key}=${x === Infinity ? "inf" : x}`).join("&")}`;

  const worker = new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let settings, frame, curve = [], ghost = [], said = "", pace = Infinity, running = false, point = 0, waiting = false, next;

  const say = el("p", { class: "live-said", "aria-live": "polite" }), before = el("p", { class: "live-before" }), count = el("p", { class: "live-count" });
  const inputs = {}, shown = {};
  const sliders = Object.entries(KEYS).map(([key, k]) => {
    shown[key] = el("output", { for: `live-${key}` });
    inputs[key] = el("input", {
      id: `live-${key}`, type: "range", min: k.min, max: k.max, step: k.step,
      oninput: () => label(key, k.to(inputs[key].value)), onchange: () => change({ [key]: k.to(inputs[key].value) }),
    });
    const marks = key === "eps" && el("span", { class: "live-marks" }, ...["sum", "mean"].map(name =>
      el("button", { type: "button", style: `left:${(100 * (Math.log10(data.eps[name]) - k.min)) / (k.max - k.min)}%`, onclick: () => change({ eps: data.eps[name] }) }, name)));
    return el("div", { class: "live-slider" }, el("label", { for: `live-${key}` }, k.label), shown[key], inputs[key], ...(marks ? [marks] : []));
  });
  const label = (key, x) => {
    shown[key].textContent = KEYS[key].say(x);
    inputs[key].setAttribute("aria-valuetext", KEYS[key].say(x));
  };

  const button = (words, onclick) => el("button", { type: "button", onclick }, words);
  const run = button("Run", () => (running ? pause() : go()));
  const step = button("Step", () => { pause(); worker.postMessage({ once: true }); });
  const again = button("Again", () => begin(true));
  const speed = el("select", { "aria-label": "speed", onchange: () => { pace = Number(speed.value); if (running) go(); } },
    ...[["full speed", Infinity], ["1,000 steps a second", 1000], ["100 steps a second", 100]].map(([words, x]) => el("option", { value: x }, words)));
  const presets = data.presets.map(({ name, then, ...rest }) => button(name, () => {
    change({ ...usual, ...rest, T: rest.T ?? Infinity }, true);
    next = then;
  }));

  const choose = k => {
    point = k;
    picker.value = k + 1;
    draw();
  };
  const picker = el("input", { id: "live-point", type: "range", min: 1, step: 1, value: 1, oninput: () => choose(Number(picker.value) - 1) });
  const which = el("output", { for: "live-point" });
  const loss = lossView(), hidden = planeView("Hidden vectors, one a point", "example", choose), columns = planeView("Columns of W, one a feature", "feature");
  const output = outputView(el("div", { class: "live-slider" }, el("label", { for: "live-point" }, "point"), which, picker));

  function go() {
    if (frame?.step >= settings.steps) begin(false);
    running = true;
    run.textContent = "Pause";
    say.textContent = "Training …";
    worker.postMessage({ pace });
  }
  function pause() {
    running = false;
    run.textContent = "Run";
    worker.postMessage({});
    draw();
  }
  function begin(play) {
    if (curve.length > 1) {
      ghost = curve;
      before.textContent = said && `Before: ${said}`;
    }
    curve = [];
    frame = null;
    said = say.textContent = "";
    const known = data.seeds.indexOf(settings.seed), { T, seed, lr, decay, eps, steps } = settings;
    const weightSeed = data.apart * seed, W = known < 0 ? null : data.weights.subarray(2 * n * known, 2 * n * (known + 1)).slice();
    worker.postMessage({ begin: { n, sparsity: data.sparsity, batch: data.batch, T, seed, weightSeed, W, lr, decay, eps, steps } });
    point = Math.min(point, (T === Infinity ? data.batch : T) - 1);
    picker.max = T === Infinity ? data.batch : T;
    picker.value = point + 1;
    source.textContent = `${T === Infinity ? `T = ∞: ${data.batch} fresh points a step, as sdd.stream draws them; shown are those of the step to come.` : "The points are those that sdd.sample draws."} The initial weights are ${W ? "sdd's own" : "drawn by this page, and not sdd's"} for this seed.`;
    if (play) go();
    else pause();
  }
  function show() {
    for (const [key, k] of Object.entries(KEYS)) {
      inputs[key].value = k.from(settings[key]);
      label(key, settings[key]);
    }
  }
  function change(some, play = running || frame?.step > 0) {
    const address = write({ ...settings, ...some });
    settings = read(address);
    if (address !== location.hash) history.pushState(null, "", address);
    next = null;
    show();
    begin(play);
  }

  const pairs = (flat, count, of) => Array.from({ length: count }, (_, k) => of(flat, k));
  function draw() {
    waiting = false;
    if (!frame) return;
    const { h, W, errors, batch, step: at } = frame, finite = settings.T < Infinity;
    const points = pairs(h, h.length / 2, (f, k) => [f[2 * k], f[2 * k + 1]]), each = pairs(W, n, (f, k) => [f[k], f[n + k]]);
    const active = Array.from(batch.index.subarray(batch.start[point], batch.start[point + 1]));
    loss.draw(curve, ghost, settings.steps);
    hidden.draw(points, { chosen: [point], kept: finite ? kept(errors, rules) : errors.map(() => 2), dots: true });
    columns.draw(each, { chosen: active });
    output.draw(frame, point);
    which.textContent = `${point + 1} of ${number(points.length)}, squared error ${errors[point].toFixed(3)}`;
    picker.setAttribute("aria-valuetext", which.textContent);
    const mean = errors.reduce((sum, x) => sum + x, 0) / errors.length;
    count.textContent = `step ${number(at)} of ${number(settings.steps)} · training loss ${mean < 1e-3 ? mean.toExponential(1) : mean.toFixed(4)}`;
    if (at && !running) {
      const words = finite ? sayPoints(points, errors, rules) : sayFeatures(each, rules);
      said = say.textContent = `${at < settings.steps ? `At step ${number(at)}: ` : ""}${words}`;
      hidden.label(`Hidden vectors. ${words}`);
    }
  }
  worker.onmessage = ({ data: posted }) => {
    curve.push(...posted.losses);
    frame = posted;
    const over = posted.step >= settings.steps;
    if (over && running) {
      running = false;
      run.textContent = "Run";
      if (next) {
        draw();
        return change(next, true);
      }
    }
    box.dataset.step = posted.step;
    box.dataset.worked = Math.round(posted.worked);
    // Where motion is unwelcome only beginning and end are drawn.
    if (!waiting && (over || !running || !calm.matches)) {
      waiting = true;
      requestAnimationFrame(draw);
    }
  };
  worker.onerror = event => (say.textContent = `The training stopped: ${event.message}`);

  const source = el("p", { class: "live-source" });
  box.append(
    el("div", { class: "live-presets", role: "group", "aria-label": "things to try" }, ...presets),
    el("div", { class: "live-sliders" }, ...sliders.slice(0, 2)),
    el("details", { open: box.clientWidth > 500 }, el("summary", {}, "learning rate, weight decay, ε, steps"), el("div", { class: "live-sliders" }, ...sliders.slice(2))),
    el("div", { class: "live-buttons" }, run, step, again, speed),
    count, say, before,
    el("div", { class: "live-views" }, hidden.node, columns.node, loss.node, output.node),
    source,
  );
  const follow = () => {
    settings = read(location.hash);
    show();
    begin(false);
  };
  addEventListener("popstate", follow);
  follow();
});
