// Data points as sdd draws them (sdd/data/rows.py), bit for bit; and initial weights of our own.

const TRAIN = 0, FRESH = 2, OWN_WEIGHTS = 4; // random streams; sdd draws weights by numpy
const UNIT = 2 ** -32;

const high = (a, b) => Math.floor(((a >>> 16) * b + Math.floor(((a & 65535) * b) / 65536)) / 65536);

// Philox4x32-10: four random words from a counter and a key.
function philox(out, at, c0, c2, c3, k0) {
  let c1 = 0, k1 = 0;
  for (let round = 0; round < 10; round++) {
    const p = high(0xd2511f53, c0), q = high(0xcd9e8d57, c2), lowP = Math.imul(0xd2511f53, c0);
    c0 = (q ^ c1 ^ k0) >>> 0;
    c1 = Math.imul(0xcd9e8d57, c2) >>> 0;
    c2 = (p ^ c3 ^ k1) >>> 0;
    c3 = lowP >>> 0;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  out[at] = c0;
  out[at + 1] = c1;
  out[at + 2] = c2;
  out[at + 3] = c3;
}

// P(K ≤ k), outwards from the mode as sdd.data.binomial_cdf adds it up.
function binomial(n, p) {
  const mass = new Float64Array(n + 1), mode = Math.floor((n + 1) * p);
  mass[mode] = 1;
  for (let k = mode; k > 0; k--) mass[k - 1] = (mass[k] * k * (1 - p)) / ((n - k + 1) * p);
  for (let k = mode; k < n; k++) mass[k + 1] = (mass[k] * (n - k) * p) / ((k + 1) * (1 - p));
  for (let k = 1; k <= n; k++) mass[k] += mass[k - 1];
  return mass.map(x => x / mass[n]);
}

function draw(first, count, n, cdf, seed, stream) {
  const start = new Int32Array(count + 1), words = new Uint32Array(2 * n + 4);
  const index = new Int32Array(64 * count), value = new Float64Array(64 * count); // far more than n (1 − S)
  let at = 0;
  for (let i = 0; i < count; i++) {
    philox(words, 0, first + i, 0, stream, seed);
    const u = (words[0] * 2 ** 21 + (words[1] >>> 11)) * 2 ** -53;
    let k = 0, squares = 0;
    while (cdf[k] <= u) k++;
    for (let block = 0; 4 * block < 2 * k; block++) philox(words, 4 * block, first + i, block + 1, stream, seed);
    // k different positions by Floyd's algorithm, then in order.
    for (let t = 0; t < k; t++) {
      let j = Math.floor(words[t] * (n - k + t + 1) * UNIT);
      for (let s = 0; s < t; s++) if (index[at + s] === j) j = n - k + t;
      index[at + t] = j;
      squares += ((words[k + t] + 0.5) * UNIT) ** 2;
    }
    index.subarray(at, at + k).sort();
    const norm = Math.sqrt(squares);
    for (let t = 0; t < k; t++) value[at + t] = Math.fround(((words[k + t] + 0.5) * UNIT) / norm);
    start[i + 1] = at += k;
  }
  return { start, index: index.slice(0, at), value: value.slice(0, at) };
}

/** The batch of each step: sdd.sample(T, n, S, seed) always, or sdd.stream(batch, n, S, seed).at(step). */
export function batches({ T, batch, n, sparsity, seed }) {
  const cdf = binomial(n, 1 - sparsity);
  if (T < Infinity) {
    const all = draw(0, T, n, cdf, seed, TRAIN);
    return () => all;
  }
  let last, made;
  return step => {
    if (step !== last) made = draw((last = step) * batch, batch, n, cdf, seed, FRESH);
    return made;
  };
}

/** Xavier-normal weights, row after row, of a seed for which none of sdd's are at hand. */
export function weights(n, seed) {
  const words = new Uint32Array(4);
  return Float64Array.from({ length: 2 * n }, (_, k) => {
    philox(words, 0, k, 0, OWN_WEIGHTS, seed);
    const radius = Math.sqrt(-2 * Math.log((words[0] + 0.5) * UNIT));
    return radius * Math.cos(2 * Math.PI * words[1] * UNIT) * Math.sqrt(2 / (2 + n));
  });
}
