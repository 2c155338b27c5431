// The stored trainings, as the build wrote them (sdd.findings.explorer).
import { load } from "../play/core.js";

/** All trainings: `series` by name, each with its rows; a row has what is measured on a training. */
export async function loadIndex() {
  const found = await load("explore");
  const series = new Map(found.series.map(one => [one.name, readSeries(one, found.columns)]));
  return {
    profile: found.profile,
    start: found.start,
    first: found.series[0].name,
    series,
    row: ({ reduction, T, seed }) => series.get(reduction).at(T).find(row => row.seed === seed),
  };
}

function readSeries(one, columns) {
  const rows = one.rows.map((values, k) => {
    const row = Object.fromEntries(columns.map((name, j) => [name, values[j]]));
    return { ...row, T: row.T ?? Infinity, seed: row.data_seed, film: one.films.includes(k) };
  });
  const sizes = [...new Set(rows.map(row => row.T))];
  const groups = new Map(sizes.map(T => [T, rows.filter(row => row.T === T)]));
  const D = sizes.map((T, k) => ({
    feature: one.D.feature[k].map(step => step * one.D_step),
    // Fresh data have no set of points whose D could be told.
    point: T === Infinity ? [] : one.D["data point"][k].map(step => step * one.D_step),
  }));
  return { ...one, rows, sizes, D, at: T => groups.get(T) };
}

const key = (reduction, T) => `explore-${reduction}-${T === Infinity ? "inf" : T}`;

/** The vectors of a training as it ended, with what its data points have and what comes back. */
export async function loadModel({ reduction, T, seed }) {
  const stored = await load(key(reduction, T)), found = stored[seed];
  if (!found) throw new Error(`they are kept of the first ${Object.keys(stored).length} trainings of each T.`);
  return found.ready ? found : Object.assign(found, readModel(found), { ready: true });
}

const whole = values => Array.from(values, Math.round); // they came as multiples of a step
// Numbers of data points, from 1, of which the steps from each to the next are stored.
const counted = steps => whole(steps).reduce((all, step) => [...all, (all.at(-1) ?? 1) + step], []);

function readModel(found) {
  const counts = whole(found.counts);
  let start = 0;
  const features = whole(found.features);
  const feature = whole(found.feature);
  return {
    features,
    numbers: counted(found.next_point),
    seen: found.seen ? whole(found.seen) : null,
    details: counts.map((count, k) => {
      const span = Array.from({ length: count }, (_, j) => start + j);
      start += count;
      return {
        features: span.map(j => feature[j]),
        x: span.map(j => found.x[j]),
        back: span.map(j => found.back[j]),
        loss: found.loss?.[k],
      };
    }),
  };
}

/** The film of a training: what it was at each step whose weights were kept. */
export const loadFilm = ({ reduction, T, seed }) => load(`${key(reduction, T)}-film-${seed}`);

/** The vectors of one frame of a film. */
export function frameOf(film, k) {
  const [, columns] = film.columns.shape;
  const [, points] = film.hidden.shape;
  return {
    features: whole(film.features),
    numbers: counted(film.next_point),
    columns: film.columns.subarray(2 * k * columns, 2 * (k + 1) * columns),
    hidden: film.hidden.subarray(2 * k * points, 2 * (k + 1) * points),
  };
}

/** D = ‖v‖⁴ / vᵀGv: the share of a dimension that a vector has to itself. */
export function dimensionality(x, y, gram) {
  const square = x * x + y * y;
  return square ? Math.min(1, square ** 2 / (gram[0] * x * x + (gram[1] + gram[2]) * x * y + gram[3] * y * y)) : 0;
}

/** Between which regimes a T lies, in words; nothing where the borders are not known. */
export function regime({ borders: [first, second] }, T) {
  if (first === null || second === null) return "";
  return T < first ? "where data points are stored" : T > second ? "where features are stored" : "between the regimes";
}
