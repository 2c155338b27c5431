// What every interactive piece uses: its places on the page, elements, numbers, stored data.

// The site's root, seen from this script, which is in _static/play/.
const here = document.currentScript.src;
const root = here.slice(0, here.lastIndexOf("_static/"));

/** Start a piece in each of its places on this page; what stands there is then left to paper. */
export function start(name, run) {
  for (const place of document.querySelectorAll(`[data-play="${name}"]`)) {
    const box = el("div", { class: "play-box", role: "group", "aria-label": place.dataset.label || name });
    place.append(box);
    Promise.resolve().then(() => run(box, place.dataset)).then(
      () => (place.dataset.ready = "yes"),
      error => {
        console.warn(error);
        box.replaceChildren(el("p", { role: "alert" }, `This cannot be played with here: ${error.message}`));
      },
    );
  }
}

const make = space => (tag, attributes = {}, ...children) => {
  const made = space ? document.createElementNS(space, tag) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== false && value != null) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
};
/** Make an element: el("button", {class: "x", onclick: f}, "words"). */
export const el = make(null);
/** Make an element of SVG. */
export const svg = make("http://www.w3.org/2000/svg");

/** A number as the pages print it: with commas, and so many decimals. */
export const number = (x, digits = 0) =>
  x === Infinity ? "∞" : x.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** 10 to a whole number, as text. */
export const powerOfTen = k => `10${Array.from(String(k), c => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] ?? "⁻").join("")}`;

// Data come as scripts, which are loaded from a server and from a disk alike: each calls sddData.
// A page may hold several pieces, each with these lines in its own script: they share one list.
const waiting = (globalThis.sddWaiting ??= {});
globalThis.sddData = (name, content) => waiting[name]?.resolve(decode(content));

/** The data that the build wrote under a name (sdd.findings.playing): a promise of its content. */
export function load(name) {
  waiting[name] ??= (() => {
    const promised = Promise.withResolvers ? Promise.withResolvers() : deferred();
    const script = el("script", {
      src: `${root}play/${name}.js`,
      onerror: () => {
        delete waiting[name];
        promised.reject(new Error(`its data, play/${name}.js, are missing.`));
      },
    });
    document.head.append(script);
    return promised;
  })();
  return waiting[name].promise;
}

function deferred() {
  const found = {};
  found.promise = new Promise((resolve, reject) => Object.assign(found, { resolve, reject }));
  return found;
}

// Arrays are 16-bit numbers times a scale, or 64-bit numbers, in base 64; see sdd.findings.playing.
function decode(content) {
  if (Array.isArray(content)) return content.map(decode);
  if (content === null || typeof content !== "object") return content;
  if ("i16" in content || "f64" in content) {
    const bytes = Uint8Array.from(atob(content.i16 ?? content.f64), c => c.charCodeAt(0));
    const values = "f64" in content
      ? new Float64Array(bytes.buffer)
      : Float32Array.from(new Int16Array(bytes.buffer), x => x * content.scale);
    return Object.assign(values, { shape: content.shape });
  }
  return Object.fromEntries(Object.entries(content).map(([key, value]) => [key, decode(value)]));
}
