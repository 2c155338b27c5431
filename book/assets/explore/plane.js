// Columns of W and hidden vectors in the plane, on a canvas; one of them can be picked and told of.
import { el, number } from "../play/core.js";
import { longest } from "../play/plane.js";
import { dimensionality } from "./data.js";
import { onResize, sentence } from "./axes.js";

const ROUND = [1, 2, 5].flatMap(k => [1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1e3].map(u => k * u)).sort((a, b) => a - b);
const KINDS = {
  columns: { name: "feature", title: "Columns of W", label: "Feature", color: "--sdd-feature" },
  hidden: { name: "point", title: "Hidden vectors", label: "Data point", color: "--sdd-example" },
};

/** Draw both in a box, and tell of the picked vector in `told`, where there is such a place. */
export function planes(box, index, told) {
  const panes = Object.keys(KINDS).map(kind => pane(kind, picked => pick(kind, picked), Boolean(told)));
  const failed = el("div", { hidden: true });
  box.append(failed, ...panes.map(one => one.root));
  let shown, picked = null;

  function pick(kind, k) {
    picked = k === null ? null : { kind, k };
    if (!shown) return;
    const { model, frame } = shown, seen = frame ?? model;
    // A picked point lights the columns of its features, and a picked feature the points that have it.
    const lit = { columns: new Set(), hidden: new Set() };
    if (picked) {
      lit[kind].add(k);
      if (kind === "hidden") {
        const has = new Set(detail(model, seen.numbers[k])?.features);
        seen.features.forEach((feature, j) => has.has(feature) && lit.columns.add(j));
      } else {
        seen.numbers.forEach((point, j) => detail(model, point)?.features.includes(seen.features[k]) && lit.hidden.add(j));
      }
    }
    for (const one of panes) one.light(lit[one.kind], one.kind === picked?.kind);
    told?.replaceChildren(...(picked ? tell(shown, picked) : [el("p", { class: "muted" }, HINT)]));
    // It may grow, but what stands below must not jump at every move of the mouse.
    if (told) told.style.minHeight = `${told.offsetHeight}px`;
    for (const one of panes) one.say(picked?.kind === one.kind ? told?.firstChild?.textContent : "");
  }

  /** Show a model, or a frame of its film; or say in a sentence why not. */
  function show(state, model, frame, error) {
    failed.hidden = !error;
    failed.replaceChildren(...(error ? [sentence(error)] : []));
    for (const one of panes) one.root.hidden = Boolean(error);
    shown = error ? null : { state, model, frame, series: index.series.get(state.reduction) };
    if (error) return;
    const seen = frame ?? model;
    for (const one of panes) {
      const vectors = seen[one.kind];
      const widest = seen.widest?.[one.kind] ?? longest(vectors);
      one.show(vectors, state.scale === "common" ? shown.series.longest[one.kind] : widest, caption(one.kind, shown));
    }
    if (picked && picked.k >= seen[picked.kind].length / 2) picked = null;
    pick(picked?.kind, picked?.k ?? null);
  }
  return show;
}

const HINT = "Point at a vector, touch it, or move one of the two sliders below the drawings.";

function caption(kind, { state, model, frame, series }) {
  const count = number((frame ?? model)[kind].length / 2);
  if (kind === "columns") return `${count} of ${number(series.n)}`;
  return state.T === Infinity ? `${count} fresh points` : `${count} of ${number(state.T)}`;
}

function pane(kind, pick, tells) {
  const { title, label, color } = KINDS[kind];
  const words = el("span", { class: "muted" });
  const canvas = el("canvas", { role: "img" });
  const range = el("input", { type: "range", min: 0, value: 0, "aria-label": `${label} to tell of`, oninput: () => pick(range.valueAsNumber) });
  const root = el("div", { class: `pane of-${kind}` },
    el("div", {}, el("strong", {}, title), " ", words), canvas,
    el("label", { class: "pick", hidden: !tells }, el("span", {}, label), range));
  let vectors = new Float32Array(), widest = 1, lit = new Set(), own = false, size = 0;

  function draw() {
    if (!size) return;
    const style = getComputedStyle(root), dots = devicePixelRatio || 1;
    canvas.width = canvas.height = Math.round(size * dots);
    const pen = canvas.getContext("2d");
    pen.setTransform(dots, 0, 0, dots, (size * dots) / 2, (size * dots) / 2);
    const unit = (size / 2 - 8) / (widest || 1);
    const ring = ROUND.findLast(r => r <= widest) ?? ROUND[0];
    pen.strokeStyle = style.getPropertyValue("--sdd-line");
    pen.fillStyle = style.getPropertyValue("--sdd-muted");
    pen.beginPath();
    pen.arc(0, 0, ring * unit, 0, 2 * Math.PI);
    pen.stroke();
    pen.font = "12px sans-serif";
    pen.fillText(`circle: ${ring >= 1 ? number(ring) : ring}`, 3 - size / 2, size / 2 - 5);
    const line = k => {
      pen.moveTo(0, 0);
      pen.lineTo(vectors[2 * k] * unit, -vectors[2 * k + 1] * unit);
    };
    const count = vectors.length / 2;
    pen.strokeStyle = pen.fillStyle = style.getPropertyValue(color);
    pen.globalAlpha = lit.size ? 0.25 : count > 60 ? 0.65 : 1;
    pen.lineWidth = count > 60 ? 1 : 2;
    pen.beginPath();
    for (let k = 0; k < count; k++) line(k);
    pen.stroke();
    for (let k = 0; k < count; k++) pen.fillRect(vectors[2 * k] * unit - 1.5, -vectors[2 * k + 1] * unit - 1.5, 3, 3);
    pen.globalAlpha = 1;
    pen.lineWidth = own ? 4 : 2.5;
    pen.beginPath();
    for (const k of lit) line(k);
    pen.stroke();
    for (const k of lit) {
      pen.beginPath();
      pen.arc(vectors[2 * k] * unit, -vectors[2 * k + 1] * unit, own ? 5 : 3, 0, 2 * Math.PI);
      pen.fill();
    }
  }

  function under(event) {
    const at = canvas.getBoundingClientRect(), unit = (size / 2 - 8) / (widest || 1);
    const x = event.clientX - at.left - size / 2, y = at.top + size / 2 - event.clientY;
    let best = null, least = event.pointerType === "touch" ? 48 : 24;
    for (let k = 0; k < vectors.length / 2; k++) {
      const vx = vectors[2 * k] * unit, vy = vectors[2 * k + 1] * unit;
      // Tips are easier to hit than shafts, of which there are many near the origin.
      const along = Math.min(1, Math.max(0, (x * vx + y * vy) / (vx * vx + vy * vy || 1)));
      const away = Math.min(Math.hypot(x - vx, y - vy), 2 * Math.hypot(x - along * vx, y - along * vy) + 4);
      if (away < least) [best, least] = [k, away];
    }
    return best;
  }
  canvas.addEventListener("pointermove", event => event.pointerType === "mouse" && pick(under(event)));
  canvas.addEventListener("click", event => pick(under(event)));
  onResize(root, () => {
    size = Math.min(root.clientWidth, 300);
    canvas.style.width = canvas.style.height = `${size}px`;
    draw();
  });
  new MutationObserver(draw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });

  return {
    root, kind,
    show(given, scale, said) {
      [vectors, widest] = [given, scale];
      range.max = Math.max(0, given.length / 2 - 1);
      range.disabled = !given.length;
      words.replaceChildren(said);
      canvas.setAttribute("aria-label", `${title}, ${said}; the longest has length ${number(longest(given), 2)}.`);
    },
    light(which, isOwn) {
      [lit, own] = [which, isOwn];
      draw();
      if (own) range.value = [...which][0];
    },
    say: text => range.setAttribute("aria-valuetext", text || "none"),
  };
}

/** What a data point consists of and what comes back of it, where that is stored. */
const detail = (model, point) => model.details[model.numbers.indexOf(point)];

/** What there is to tell of the picked vector: a sentence, and for a data point a table. */
function tell({ state, model, frame, series }, { kind, k }) {
  const vectors = (frame ?? model)[kind];
  const [x, y] = [vectors[2 * k], vectors[2 * k + 1]];
  const length = `length ${number(Math.hypot(x, y), 3)}`;
  const D = frame ? "" : `, D = ${number(dimensionality(x, y, model[`gram_${kind}`]), 3)}`;
  if (kind === "columns") {
    const feature = (frame ?? model).features[k];
    const j = frame ? model.features.indexOf(feature) : k;
    const seen = state.T === Infinity
      ? `in one of ${number(1 / (1 - series.sparsity))} fresh points`
      : model.seen && j >= 0 ? `in ${number(model.seen[j])} of the ${number(state.T)} training points` : "seen now and then";
    return [el("p", {}, `Feature ${number(feature + 1)}: ${seen}; its column has ${length}${D}.`)];
  }
  const point = (frame ?? model).numbers[k];
  const one = detail(model, point);
  const loss = one && one.loss !== undefined && !frame ? `; its loss is ${number(one.loss, 3)} (nothing coming back would be 1)` : "";
  const first = el("p", {}, `Data point ${number(point)}: ${length}${D}${loss}.`);
  if (!one) return [first, el("p", { class: "muted" }, `What it consists of is stored for ${number(model.details.length)} points of this training.`)];
  const order = one.features.map((_, j) => j).sort((a, b) => one.x[b] - one.x[a]);
  const bar = (v, kind) => el("span", { class: `bar ${kind}`, style: `width:${Math.min(100, 100 * v)}%` });
  const rows = order.map(j => el("tr", {},
    el("th", { scope: "row" }, number(one.features[j] + 1)),
    el("td", {}, bar(one.x[j], "in"), number(one.x[j], 2)),
    el("td", {}, bar(one.back[j], "out"), number(one.back[j], 2))));
  const head = el("tr", {}, ...["Feature", "in the point", frame ? "comes back at the end" : "comes back"].map(words => el("th", { scope: "col" }, words)));
  return [first, el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows))];
}
