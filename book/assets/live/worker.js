// Trains apart from the page, and posts what it has come to, a few times a second.

import { batches, weights } from "./rows.js";
import { Trainer } from "./trainer.js";

const RECORDS = 200; // about so many log-spaced losses, at the steps of sdd's own history
const FRAME = 60; // milliseconds between two posts
let trainer, due, going, worked, timer;

function begin({ n, sparsity, T, batch, seed, weightSeed, W, ...rest }) {
  const rows = batches({ T, batch, n, sparsity, seed });
  trainer = new Trainer({ ...rest, n, rows, W: W ?? weights(n, weightSeed) });
  const ratio = rest.steps ** (1 / (RECORDS - 1));
  due = new Set([rest.steps, ...Array.from({ length: RECORDS }, (_, k) => Math.round(ratio ** k))]);
  worked = 0;
  post([[0, loss()]]);
}

function loss() {
  return trainer.errors().reduce((sum, x) => sum + x, 0) / trainer.T;
}

function post(losses) {
  const errors = trainer.errors();
  postMessage({ step: trainer.step, losses, errors, h: trainer.h.slice(), batch: trainer.batch, worked, ...trainer.weights() });
}

// Train until a frame is due, or so many steps are taken; then hear what the page says.
function go(most) {
  const losses = [], start = performance.now(), last = Math.min(trainer.steps, trainer.step + most);
  while (trainer.step < last && performance.now() - start < FRAME) {
    do trainer.advance(1);
    while (!due.has(trainer.step) && trainer.step < last && trainer.step % 16);
    if (due.has(trainer.step)) losses.push([trainer.step, loss()]);
  }
  worked += performance.now() - start;
  if (trainer.step >= trainer.steps) going = 0;
  post(losses);
  if (going) timer = setTimeout(go, going === Infinity ? 0 : FRAME, Math.ceil((going * FRAME) / 1000));
}

onmessage = ({ data }) => {
  clearTimeout(timer);
  if (data.begin) begin(data.begin);
  going = data.pace ?? 0; // steps a second
  if (going && trainer.step < trainer.steps) go(Math.ceil((going * FRAME) / 1000));
  else if (data.once) go(1);
};
