// What a training came to, in words, by the definitions of sdd.measures.arrangements.

const NAMES = { 3: "triangle", 4: "square", 5: "pentagon", 6: "hexagon", 7: "heptagon", 8: "octagon" };
const COUNTS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
const spell = k => COUNTS[k] ?? String(k);
const lengths = vectors => vectors.map(([x, y]) => Math.hypot(x, y));

/** On which circle each vector ends, the outermost first (arrangements.circles). */
export function circles(vectors, step) {
  const size = lengths(vectors), order = size.map((_, k) => k).sort((a, b) => size[b] - size[a]), number = [];
  order.forEach((k, rank) => {
    const before = order[rank - 1];
    number[k] = rank ? number[before] + (size[before] > step * size[k]) : 0;
  });
  return number;
}

/** The widest angle between neighbours, in degrees (arrangements.widest_gap). */
export function widestGap(vectors) {
  const angles = vectors.filter(([x, y]) => x || y).map(([x, y]) => (Math.atan2(y, x) * 180) / Math.PI).sort((a, b) => a - b);
  return angles.length ? Math.max(...angles.map((a, k) => (k ? a - angles[k - 1] : a + 360 - angles.at(-1)))) : 360;
}

/** D of each vector (sdd.dimensionality). */
export function dimensionality(vectors) {
  const size = lengths(vectors);
  return vectors.map(([x, y], i) => {
    const shared = vectors.reduce((sum, [u, v]) => sum + ((x * u + y * v) / size[i]) ** 2, 0);
    return shared > 0 ? size[i] ** 2 / shared : 0;
  });
}

/** The kind of an arrangement, with how many are on its fullest circle, within and beyond. */
export function arrangement(vectors, step) {
  const number = circles(vectors, step), counts = [];
  for (const c of number) counts[c] = (counts[c] ?? 0) + 1;
  const main = counts.indexOf(Math.max(...counts)), on = counts[main];
  const outside = counts.slice(0, main).reduce((a, c) => a + c, 0), inside = vectors.length - on - outside;
  const fan = widestGap(vectors.filter((_, k) => number[k] === main)) > 180;
  const two = counts.length === 2 && Math.min(...counts) >= 2;
  return { kind: fan ? "fan" : counts.length === 1 ? "ring" : two ? "two" : "off", on, inside, outside };
}

function shape(vectors, step) {
  const { kind, on, inside, outside } = arrangement(vectors, step), T = vectors.length;
  if (T === 1) return "one vector";
  if (kind === "ring") {
    const D = dimensionality(vectors), near = (2 / T - 2 / (T + 1)) / 2;
    const regular = T > 2 && D.every(d => Math.abs(d - 2 / T) < near);
    return regular ? `a regular ${NAMES[T] ?? `${T}-gon`}` : `one ring of ${T}, not quite regular`;
  }
  if (kind === "two") return `two circles, of ${spell(outside || on)} and ${spell(outside ? on : inside)}`;
  const off = [inside && `${spell(inside)} inside`, outside && `${spell(outside)} outside`].filter(Boolean).join(" and ");
  return `a ${kind === "fan" ? "fan" : "ring"} of ${spell(on)}${off && ` with ${off}`}`;
}

const capital = text => text[0].toUpperCase() + text.slice(1);

/** How well each point is kept: 2 memorised (error at most share / T), 1 in part (below half), 0 lost. */
export const kept = (errors, rules) => Array.from(errors, e => (e <= rules.share / errors.length ? 2 : e < rules.half ? 1 : 0));

/** A sentence on hidden vectors of a training set. */
export function sayPoints(h, errors, rules) {
  const T = h.length, each = kept(errors, rules), [part, full] = [1, 2].map(k => each.filter(e => e === k).length);
  const who = full === T ? (T === 1 ? "The one point" : `All ${spell(T)} points`) : `${capital(full ? spell(full) : "none")} of ${spell(T)} ${T === 1 ? "point" : "points"}`;
  return `${who} memorised${part ? `, ${spell(part)} ${full ? "more " : ""}in part` : ""}: ${shape(h, rules.step)}.`;
}

/** A sentence on columns of W, after training on fresh data. */
export function sayFeatures(columns, rules) {
  const D = dimensionality(columns), apart = columns.filter((_, j) => D[j] >= rules.D);
  if (!apart.length) return "No feature stands out.";
  if (apart.length < 3) return `${capital(spell(apart.length))} of ${columns.length.toLocaleString("en-US")} features stand out.`;
  const even = 360 / apart.length, gap = widestGap(apart), close = gap - even < even / 5;
  return `${capital(spell(apart.length))} features stand out${close ? `, at nearly equal angles: a ${NAMES[apart.length] ?? `${apart.length}-gon`}` : `; the widest angle between two is ${gap.toFixed(0)}°`}.`;
}
