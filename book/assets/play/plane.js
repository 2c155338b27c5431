// A square picture of the plane, its origin in the middle, true to one scale in both directions.
import { svg } from "./core.js";

/** The side of a picture in its own units, which are pixels where there is room. */
export const SIDE = 320;

/** A picture of the plane; what is put into its `space` has y upwards and the origin at (0, 0). */
export function plane(attributes, ...children) {
  const half = SIDE / 2;
  const axes = svg("path", { class: "axis", d: `M${-half} 0H${half}M0 ${-half}V${half}` });
  const space = svg("g", { transform: "scale(1 -1)" }, axes, ...children);
  const picture = svg("svg", { viewBox: `${-half} ${-half} ${SIDE} ${SIDE}`, width: "100%", ...attributes }, space);
  return { picture, space };
}

/** Where a pointer is in a picture of the plane that reaches so far from its origin. */
export function place(picture, event, reach) {
  const box = picture.getBoundingClientRect();
  const along = (at, from, length) => (2 * (at - from) / length - 1) * reach;
  return [along(event.clientX, box.left, box.width), -along(event.clientY, box.top, box.height)];
}

/** Vectors as spokes from the origin, in one path: x and y in turn, as rows are packed. */
export function spokes(vectors, reach) {
  const unit = SIDE / 2 / reach;
  let d = "";
  for (let k = 0; k < vectors.length; k += 2) {
    d += `M0 0L${(vectors[k] * unit).toFixed(1)} ${(vectors[k + 1] * unit).toFixed(1)}`;
  }
  return d;
}

/** The length of the longest of such vectors. */
export function longest(vectors) {
  let found = 0;
  for (let k = 0; k < vectors.length; k += 2) found = Math.max(found, Math.hypot(vectors[k], vectors[k + 1]));
  return found;
}
