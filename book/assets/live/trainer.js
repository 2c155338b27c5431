// The paper's model with m = 2, trained by AdamW in double precision: the mathematics of sdd.engine.
//
// Two kinds of work are left out because they change nothing. A pair of point i and feature j is
// inactive while a = b_j + W_j · h_i ≤ 0: each feature keeps a list of the points at which a was
// above −slack, which holds until b, W and h may have moved a by that much. And a feature that no
// row has, whose list is empty and whose first moments no longer change a digit, sleeps: W and b
// only decay, by one factor, so that it stays silent until h has moved by its slack.

const BETA1 = 0.9, BETA2 = 0.999;
const HALF_DIGIT = 2 ** -54; // a smaller share of a number, added to it, leaves it as it is
const TINY = 2.3e-307; // below it moments count as zero, as in sdd: denormal numbers are slow
const SKIN = 0.05; // slack of a list, as a share of the largest |W_j · h_i| there may be

function one(p, m, v, g, q, scale, keep, size, root, eps) {
  const slope = g[q] * scale;
  let first = m[q] + (slope - m[q]) * (1 - BETA1);
  let second = v[q] + (slope * slope - v[q]) * (1 - BETA2);
  if (first < TINY && first > -TINY) first = 0;
  if (second < TINY) second = 0;
  m[q] = first;
  v[q] = second;
  p[q] = p[q] * keep - (size * first) / (Math.sqrt(second) * root + eps);
}

export class Trainer {
  // W: row after row; rows(step): the batch of a step, as compressed sparse rows; eps: of the sum.
  constructor({ n, W, rows, steps, lr, decay, eps, warmup = Math.round(0.05 * steps) }) {
    Object.assign(this, { n, rows, steps, lr, decay, eps, warmup, step: 0, shrunk: 0, way: 0, least: Infinity, woken: 0 });
    // Three numbers a feature: two of W and one of b, their moments, their gradient, and where
    // they were when the list was made.
    [this.p, this.m, this.v, this.g, this.old] = Array.from({ length: 5 }, () => new Float64Array(3 * n));
    for (let j = 0; j < n; j++) this.p.set([W[j], W[n + j], 0], 3 * j);
    [this.made, this.slack, this.until, this.shrunkAt, this.since] = Array.from({ length: 5 }, () => new Float64Array(n));
    this.made.fill(-Infinity);
    this.end = new Int32Array(n);
    this.awake = Int32Array.from({ length: n }, (_, j) => j);
    this.count = n;
    this.asleep = [];
    this.take(rows(0));
  }

  take(batch) {
    if (batch === this.batch) return;
    const T = batch.start.length - 1;
    if (T !== this.T) {
      this.T = T;
      this.h = new Float64Array(2 * T);
      this.d = new Float64Array(2 * T);
      this.list = new Uint16Array(this.n * T);
    }
    this.batch = batch;
    this.seen = new Uint8Array(this.n);
    for (const j of batch.index) this.seen[j] = 1;
    this.way += 1e9; // every list is void
    this.taken = this.step;
  }

  // h = W x of every row, and how far the furthest of them has come.
  encode() {
    const { T, h, d, p, batch: { start, index, value } } = this;
    let moved = 0, far = 0;
    for (let i = 0; i < T; i++) {
      let x = 0, y = 0;
      for (let k = start[i]; k < start[i + 1]; k++) {
        x += value[k] * p[3 * index[k]];
        y += value[k] * p[3 * index[k] + 1];
      }
      moved = Math.max(moved, Math.abs(x - h[2 * i]), Math.abs(y - h[2 * i + 1]));
      far = Math.max(far, Math.abs(x), Math.abs(y));
      h[2 * i] = x;
      h[2 * i + 1] = y;
      d[2 * i] = d[2 * i + 1] = 0;
    }
    this.way += moved;
    this.far = far;
    if (this.way > this.least) this.wake();
  }

  // The gradient of Σ max(a, 0)² / 2, at the pairs on the lists.
  pairs() {
    const { T, h, d, p, g, old, made, slack, end, list, awake, count, way, far } = this;
    for (let k = 0; k < count; k++) {
      const j = awake[k], q = 3 * j, u = p[q], v = p[q + 1], b = p[q + 2], u0 = old[q], v0 = old[q + 1];
      const rise = b - old[q + 2] + (Math.abs(u0) + Math.abs(v0)) * (way - made[j]) + (Math.abs(u - u0) + Math.abs(v - v0)) * far;
      if (!(rise < slack[j])) this.relist(j);
      let gu = 0, gv = 0, gb = 0;
      for (let c = j * T; c < end[j]; c++) {
        const i = 2 * list[c], x = h[i], y = h[i + 1], a = b + u * x + v * y;
        if (a > 0) {
          gu += a * x;
          gv += a * y;
          gb += a;
          d[i] += a * u;
          d[i + 1] += a * v;
        }
      }
      g[q] = gu;
      g[q + 1] = gv;
      g[q + 2] = gb;
    }
  }

  relist(j) {
    const { T, h, p, old, list, way, far } = this, u = p[3 * j], v = p[3 * j + 1], b = p[3 * j + 2];
    const slack = SKIN * far * (Math.abs(u) + Math.abs(v));
    let c = j * T;
    for (let i = 0; i < T; i++) if (b + u * h[2 * i] + v * h[2 * i + 1] > -slack) list[c++] = i;
    this.end[j] = c;
    this.slack[j] = slack;
    this.made[j] = way;
    old[3 * j] = u;
    old[3 * j + 1] = v;
    old[3 * j + 2] = b;
  }

  // What −2 x r adds, and the way back through the encoder: only where x is not zero.
  sparse() {
    const { T, h, d, p, g, batch: { start, index, value } } = this;
    for (let i = 0; i < T; i++) {
      const x = h[2 * i], y = h[2 * i + 1];
      let dx = d[2 * i], dy = d[2 * i + 1];
      for (let k = start[i]; k < start[i + 1]; k++) {
        const q = 3 * index[k], z = value[k];
        if (p[q + 2] + p[q] * x + p[q + 1] * y > 0) {
          g[q] -= z * x;
          g[q + 1] -= z * y;
          g[q + 2] -= z;
          dx -= z * p[q];
          dy -= z * p[q + 1];
        }
      }
      for (let k = start[i]; k < start[i + 1]; k++) {
        g[3 * index[k]] += value[k] * dx;
        g[3 * index[k] + 1] += value[k] * dy;
      }
    }
  }

  rate(t) {
    const { warmup, steps, lr } = this;
    return t < warmup ? (lr * (t + 1)) / warmup : lr * 0.5 * (1 + Math.cos((Math.PI * (t - warmup)) / (steps - warmup)));
  }

  adamw(rate, t) {
    const { p, m, v, g, eps, awake, count } = this, keep = 1 - rate * this.decay, scale = 2 / this.T;
    const size = rate / (1 - BETA1 ** t), root = 1 / Math.sqrt(1 - BETA2 ** t);
    for (let k = 0; k < count; k++) {
      const q = 3 * awake[k];
      one(p, m, v, g, q, scale, keep, size, root, eps);
      one(p, m, v, g, q + 1, scale, keep, size, root, eps);
      one(p, m, v, g, q + 2, scale, keep, size, root, eps);
    }
  }

  // Put to sleep what can; look for it now and then.
  tuck() {
    const { T, h, p, m, v, eps, seen, end, awake, way } = this, most = HALF_DIGIT / (2 * this.lr);
    let left = 0;
    for (let k = 0; k < this.count; k++) {
      const j = awake[k], q = 3 * j, u = p[q], w = p[q + 1], b = p[q + 2];
      awake[left++] = j;
      if (seen[j] || end[j] > j * T) continue;
      if ([0, 1, 2].some(c => Math.abs(m[q + c]) > most * (Math.sqrt(v[q + c]) + eps) * Math.abs(p[q + c]))) continue;
      let top = -Infinity;
      for (let i = 0; i < T; i++) top = Math.max(top, b + u * h[2 * i] + w * h[2 * i + 1]);
      this.until[j] = way - top / (Math.abs(u) + Math.abs(w));
      if (!(this.until[j] > way + SKIN * this.far)) continue;
      left--;
      this.asleep.push(j);
      this.shrunkAt[j] = this.shrunk;
      this.since[j] = this.step;
      this.least = Math.min(this.least, this.until[j]);
    }
    this.count = left;
  }

  wake() {
    const { p, m, v, way } = this, still = [];
    this.least = Infinity;
    for (const j of this.asleep) {
      if (this.until[j] < way) {
        const steps = this.step - this.since[j];
        for (let q = 3 * j; q < 3 * j + 3; q++) {
          p[q] *= Math.exp(this.shrunk - this.shrunkAt[j]);
          m[q] *= BETA1 ** steps;
          v[q] *= BETA2 ** steps;
        }
        this.made[j] = -Infinity;
        this.awake[this.count++] = j;
        this.woken++;
      } else {
        still.push(j);
        this.least = Math.min(this.least, this.until[j]);
      }
    }
    this.asleep = still;
  }

  // W, row after row, and b.
  weights() {
    const { n, p } = this, W = new Float64Array(2 * n), b = new Float64Array(n), factor = new Float64Array(n).fill(1);
    for (const j of this.asleep) factor[j] = Math.exp(this.shrunk - this.shrunkAt[j]);
    for (let j = 0; j < n; j++) {
      W[j] = p[3 * j] * factor[j];
      W[n + j] = p[3 * j + 1] * factor[j];
      b[j] = p[3 * j + 2] * factor[j];
    }
    return { W, b };
  }

  // ‖x − x′‖² of each row of the next step's batch. (What sleeps is zero in both.)
  errors() {
    this.take(this.rows(this.step));
    this.encode();
    const { T, h, p, awake, count, batch: { start, index, value } } = this, found = new Float64Array(T);
    for (let i = 0; i < T; i++) {
      const out = q => Math.max(0, p[q + 2] + p[q] * h[2 * i] + p[q + 1] * h[2 * i + 1]);
      for (let k = 0; k < count; k++) found[i] += out(3 * awake[k]) ** 2;
      for (let k = start[i]; k < start[i + 1]; k++) found[i] += value[k] * (value[k] - 2 * out(3 * index[k]));
    }
    return found;
  }

  advance(count) {
    for (; count > 0 && this.step < this.steps; count--) {
      this.take(this.rows(this.step));
      this.encode();
      this.pairs();
      this.sparse();
      const rate = this.rate(this.step);
      this.adamw(rate, ++this.step);
      this.shrunk += Math.log1p(-rate * this.decay);
      if (this.step % 16 === 0 && this.step - this.taken > 20) this.tuck();
    }
  }
}
